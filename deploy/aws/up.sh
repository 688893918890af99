#!/usr/bin/env bash
# Makes the stack of template.yaml, or brings it up to date: ./up.sh STACK KEY=VALUE...
#
# The first time it makes everything but what runs containers, builds and pushes the image, makes the first key of
# the twins' server, and starts the rest. Later it rolls out this folder's template and a new image. GPU=1 builds
# the image's GPU variant too, TORCH_INDEX is handed to the build. Needs the AWS CLI and Docker.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
stack="${1:?name the stack: ./up.sh STACK DomainName=... CertificateArn=... AllowedCidr=... OwnerEmail=...}"
shift
account="$(aws sts get-caller-identity --query Account --output text)"
templates="$stack-templates-$account"

deploy() {
  aws cloudformation deploy --stack-name "$stack" --template-file "$here/template.yaml" \
    --s3-bucket "$templates" --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
    --tags Project=llm-twin Stack="$stack" --parameter-overrides "$@"
}

output() {
  aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# Builds a variant, pushes it and prints its name with the digest.
push() {
  local name
  name="$(output Repository):$1-$(git -C "$here" rev-parse --short HEAD)-$(date +%Y%m%d%H%M%S)"
  docker build --quiet --target "$1" ${TORCH_INDEX:+--build-arg TORCH_INDEX="$TORCH_INDEX"} \
    -f "$here/../Dockerfile" -t "$name" "$here/../.." >&2
  docker push --quiet "$name" >&2
  docker inspect --format '{{index .RepoDigests 0}}' "$name"
}

# The template is longer than a request may be, so CloudFormation reads it from a bucket.
if ! aws s3api head-bucket --bucket "$templates" 2>/dev/null; then
  aws s3 mb "s3://$templates"
fi

if [ -z "$(output Repository 2>/dev/null || true)" ]; then
  deploy "$@" Image= GpuImage=
fi

registry="$(output Repository)"
aws ecr get-login-password | docker login --username AWS --password-stdin "${registry%%/*}"
image="$(push cpu)"
gpu=""
if [ -n "${GPU:-}" ]; then gpu="$(push gpu)"; fi

# The server refuses to start before there is a key. It goes into the secret and onto no screen or log. A first
# run that stopped half-way has made everything but the key, so the secret tells whether there is one.
secret="$(output SettingsSecret)"
settings="$(aws secretsmanager get-secret-value --secret-id "$secret" --query SecretString --output text)"
held="$(python3 -c 'import json, sys; print(json.load(sys.stdin).get("LLM_TWIN_CLIENT_KEY", ""))' <<<"$settings")"
if [ -z "$held" ]; then
  eval "$(aws configure export-credentials --format env)"
  export AWS_DEFAULT_REGION="${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region)}}"
  key="$(docker run --rm -e AWS_DEFAULT_REGION -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY \
    -e AWS_SESSION_TOKEN -e LLM_TWIN_HOME="$(output Home)" "$image" llm-twin keys create deployment)"
  KEY="$key" python3 -c 'import json, os, sys; print(json.dumps(json.load(sys.stdin) | {"LLM_TWIN_CLIENT_KEY": os.environ["KEY"]}))' <<<"$settings" |
    aws secretsmanager put-secret-value --secret-id "$secret" --secret-string file:///dev/stdin >/dev/null
fi

deploy "$@" Image="$image" ${gpu:+GpuImage="$gpu"}
echo "Dagster: $(output Url) (names point to $(output LoadBalancerName))"
echo "Twins:   $(output TwinUrl)"
