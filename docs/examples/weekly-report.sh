#!/bin/sh
# Writes last week's report into the folder `reports` of a workspace: weekly-report.sh WORKSPACE
set -eu
cd "$1"
if [ -f environment ]; then
    set -a
    . ./environment
    set +a
fi
mkdir -p reports
week=$(date -d 'last monday - 7 days' +%G-W%V)
for ending in html md; do
    usertrack report weekly --week "$week" --output "reports/$week.$ending"
done
usertrack report verify "reports/$week.html"
