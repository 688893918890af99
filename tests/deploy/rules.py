"""What must be true of the template: each rule names the resources, or the grants, that break it."""

import re

from deploy.aws.reading import of_type


def statements(read):
    """Every IAM statement that allows something to a role, with the resource that holds it."""
    for name, role in of_type(read, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            yield from ((name, one) for one in policy["PolicyDocument"]["Statement"])
    for name, policy in of_type(read, "AWS::IAM::ManagedPolicy").items():
        yield from ((name, one) for one in policy["PolicyDocument"]["Statement"])


def listed(value):
    return value if isinstance(value, list) else [value]


def containers(read):
    for name, task in of_type(read, "AWS::ECS::TaskDefinition").items():
        yield from ((f"{name}.{one['Name']}", one) for one in task["ContainerDefinitions"])


def open_doors(read):
    """Ingress from everywhere, or from addresses, other than to the load balancer's 443."""
    found = []
    for name, group in of_type(read, "AWS::EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupIngress", []):
            ours = name == "LoadBalancerGroup" and (rule["FromPort"], rule["ToPort"]) == (443, 443)
            if not ours and ("SourceSecurityGroupId" not in rule or "CidrIp" in rule):
                found.append(name)
    apart = of_type(read, "AWS::EC2::SecurityGroupIngress")
    return found + list(apart)


def unguarded_ways(read):
    """Listeners without TLS, and rules that lead inside with neither a login first nor a key."""
    rules = of_type(read, "AWS::ElasticLoadBalancingV2::ListenerRule")
    found = []
    for name, one in of_type(read, "AWS::ElasticLoadBalancingV2::Listener").items():
        if one["Protocol"] != "HTTPS" or one["Port"] != 443 or "Certificates" not in one:
            found.append(name)
        rules = rules | {name: {"Actions": one["DefaultActions"], "Conditions": []}}
    for name, one in rules.items():
        first = min(one["Actions"], key=lambda action: action.get("Order", 0))["Type"]
        by_key = [c for c in one["Conditions"] if c.get("HttpHeaderConfig", {}).get("HttpHeaderName")]
        if first != "authenticate-cognito" and not by_key:
            found.append(name)
    return found


# Actions of which AWS knows no narrower resource: the service authorisation reference says so for each.
UNBOUND = {
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",
    "ecs:DeregisterTaskDefinition",
    "ecs:DiscoverPollEndpoint",
    "ec2:DescribeNetworkInterfaces",
    "cloudwatch:PutMetricData",
    "sagemaker:ListInferenceComponents",
    "sagemaker:ListTrainingJobs",
    "cloudformation:GetTemplateSummary",
    "cloudformation:ValidateTemplate",
}


def broad_grants(read):
    """Wildcards in actions, and every resource at once for an action that knows narrower ones."""
    found = []
    for name, statement in statements(read):
        for action in listed(statement["Action"]):
            if "*" in action or ("*" in listed(statement["Resource"]) and action not in UNBOUND):
                found.append((name, action))
    for name, key in of_type(read, "AWS::KMS::Key").items():
        for statement in key["KeyPolicy"]["Statement"]:
            found += [(name, action) for action in listed(statement["Action"]) if "*" in action]
    return found


def loose_passing(read):
    """PassRole on anything but named roles of this template, each to one named service."""
    found, roles = [], of_type(read, "AWS::IAM::Role")
    for name, statement in statements(read):
        if "iam:PassRole" not in listed(statement["Action"]):
            continue
        targets = [one["Fn::GetAtt"] for one in listed(statement["Resource"]) if isinstance(one, dict)]
        exact = len(targets) == len(listed(statement["Resource"]))
        exact &= all(target in roles and attribute == "Arn" for target, attribute in targets)
        to = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
        if not exact or not isinstance(to, str) or listed(statement["Action"]) != ["iam:PassRole"]:
            found.append(name)
    return found


def loose_buckets(read):
    found = []
    for name, one in of_type(read, "AWS::S3::Bucket").items():
        block = one.get("PublicAccessBlockConfiguration", {})
        private = len(block) == 4 and all(block.values())
        encrypted = "ServerSideEncryptionByDefault" in str(one.get("BucketEncryption"))
        versioned = one.get("VersioningConfiguration") == {"Status": "Enabled"}
        kept = read["Resources"][name].get("DeletionPolicy") == "Retain"
        if not (private and encrypted and versioned and kept and _tls_only(read, name)):
            found.append(name)
    return found


def _tls_only(read, bucket):
    for one in of_type(read, "AWS::S3::BucketPolicy").values():
        for statement in one["PolicyDocument"]["Statement"]:
            denies = statement["Effect"] == "Deny" and listed(statement["Action"]) == ["s3:*"]
            plain = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            if one["Bucket"] == {"Ref": bucket} and denies and plain and len(statement["Resource"]) == 2:
                return True
    return False


SECRET = re.compile(r"(?i)password|secret|token|api_key|client_key|alert_urls")


def plain_secrets(read):
    """Secrets that stand in the template or in a variable, and not behind the name of one."""
    found = []
    for name, one in containers(read):
        plain = [
            pair for pair in one.get("Environment", []) if "Name" in pair and SECRET.search(pair["Name"])
        ]
        given = [str(pair["ValueFrom"]) for pair in one.get("Secrets", [])]
        if plain or not all("${Settings}:" in text or "MasterUserSecret" in text for text in given):
            found.append(name)
    for name, one in of_type(read, "AWS::RDS::DBInstance").items():
        if "MasterUserPassword" in one or one.get("ManageMasterUserPassword") is not True:
            found.append(name)
    for name, one in of_type(read, "AWS::SecretsManager::Secret").items():
        if re.search(r':\s*"[^"]', one["SecretString"]):
            found.append(name)
    return found + [name for name in read["Parameters"] if SECRET.search(name)]


def careless_databases(read):
    found = []
    for name, one in of_type(read, "AWS::RDS::DBInstance").items():
        careful = one.get("DeletionProtection") is True and one.get("StorageEncrypted") is True
        careful &= one.get("PubliclyAccessible") is False and one.get("BackupRetentionPeriod", 0) >= 14
        policies = {read["Resources"][name].get(key) for key in ("DeletionPolicy", "UpdateReplacePolicy")}
        if not careful or policies != {"Snapshot"}:
            found.append(name)
    return found


def endless_logs(read):
    groups = of_type(read, "AWS::Logs::LogGroup")
    found = [name for name, one in groups.items() if "RetentionInDays" not in one]
    for name, one in containers(read):
        if one["LogConfiguration"]["Options"]["awslogs-group"].get("Ref") not in groups:
            found.append(name)
    return found


def public_addresses(read):
    found = []
    for name, one in of_type(read, "AWS::ECS::Service").items():
        network = one["NetworkConfiguration"]["AwsvpcConfiguration"]
        if network["AssignPublicIp"] != "DISABLED" or "Public" in str(network["Subnets"]):
            found.append(name)
    for name, one in of_type(read, "AWS::EC2::LaunchTemplate").items():
        cards = one["LaunchTemplateData"]["NetworkInterfaces"]
        found += [name for card in cards if card["AssociatePublicIpAddress"] is not False]
    subnets = of_type(read, "AWS::EC2::Subnet").items()
    return found + [name for name, one in subnets if one.get("MapPublicIpOnLaunch")]


def loose_images(read):
    """Containers from anything but a parameter that insists on a digest."""
    found = []
    for name, one in containers(read):
        parameter = read["Parameters"].get(one["Image"].get("Ref") if isinstance(one["Image"], dict) else "")
        if not parameter or "@sha256:[0-9a-f]{64}" not in parameter["AllowedPattern"]:
            found.append(name)
    return found


def careless_services(read):
    """Services without a circuit breaker that goes back, and lonely ones that may run twice for a while."""
    found = []
    for name, one in of_type(read, "AWS::ECS::Service").items():
        deployment = one["DeploymentConfiguration"]
        bounds = (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"])
        alone = name in ("Daemon", "Code")
        goes_back = deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        if not goes_back or bounds != ((0, 100) if alone else (100, 200)):
            found.append(name)
    return found


def silent_alarms(read):
    alarms = of_type(read, "AWS::CloudWatch::Alarm")
    found = [name for name, one in alarms.items() if one["AlarmActions"] != [{"Ref": "Alarms"}]]
    services = set(of_type(read, "AWS::ECS::Service"))
    missing = {f"{name}Down" for name in services} - set(alarms)
    return found + sorted(missing) + ([] if of_type(read, "AWS::SNS::Subscription") else ["nobody"])


def wide_trust(read):
    """Roles that more than one kind of principal may take on, and a GitHub role for any other workflow."""
    found = []
    for name, one in of_type(read, "AWS::IAM::Role").items():
        (statement,) = one["AssumeRolePolicyDocument"]["Statement"]
        (principal,) = statement["Principal"].values()
        if "Federated" in statement["Principal"]:
            wanted = statement.get("Condition", {}).get("StringEquals", {})
            subject = str(wanted.get("token.actions.githubusercontent.com:sub"))
            if "*" in subject or ":environment:" not in subject or len(wanted) != 2:
                found.append(name)
        elif not isinstance(principal, str) or "*" in principal:
            found.append(name)
    return found
