#!/usr/bin/env bash
# Takes the stack down: ./down.sh STACK
#
# Kept on purpose, and named at the end: the store, the logs' bucket, the key that opens them, the secret settings,
# and a last snapshot of the database.
set -euo pipefail
stack="${1:?name the stack: ./down.sh STACK}"
read -r -p "Take $stack down? Write its name: " answer
[ "$answer" = "$stack" ] || { echo "left as it is" >&2; exit 1; }

account="$(aws sts get-caller-identity --query Account --output text)"
database="$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
  --query "Stacks[0].Outputs[?OutputKey=='DatabaseName'].OutputValue")"
aws rds modify-db-instance --db-instance-identifier "$database" --no-deletion-protection --apply-immediately >/dev/null
aws cloudformation delete-stack --stack-name "$stack"
aws cloudformation wait stack-delete-complete --stack-name "$stack"
aws s3 rb --force "s3://$stack-templates-$account"
echo "Kept, and paid for until you delete it:"
aws resourcegroupstaggingapi get-resources --tag-filters "Key=Stack,Values=$stack" --output text \
  --query "ResourceTagMappingList[].ResourceARN"
