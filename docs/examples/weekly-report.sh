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
week=$(date -d '7 days ago' +%G-W%V)
for ending in html md; do
    # 6: a source did not answer, and the report says what is missing
    usertrack report weekly --week "$week" --output "reports/$week.$ending" || [ $? -eq 6 ]
done
usertrack report verify "reports/$week.html" || [ $? -eq 6 ]
