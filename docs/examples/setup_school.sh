#!/usr/bin/env bash
# An administrator sets a school up on a running server, with curl and python3 alone.
#
#   LOGIN=… TEMPORARY_PASSWORD=… PASSWORD=… docs/examples/setup_school.sh
#
# LOGIN and TEMPORARY_PASSWORD are what `dnevnik create-organization` has printed, PASSWORD (twelve
# characters or more) becomes the coordinator's own. DATA is the folder with the school's tables
# (here: docs/examples/school), OUT where the sheets of slips go. Run it once for a fresh school.
set -euo pipefail

API=${API:-http://127.0.0.1:8000}
DATA=${DATA:-$(dirname "$0")/school}
OUT=${OUT:-.}
YEAR=${YEAR:-2026/2027} BEGINS=${BEGINS:-2026-09-01} ENDS=${ENDS:-2027-05-26}
: "${LOGIN:?}" "${TEMPORARY_PASSWORD:?}" "${PASSWORD:?}"

# --- The words of this script ------------------------------------------------------------------

field() { python3 -c '
import functools, json, sys
path = [int(key) if key.lstrip("-").isdigit() else key for key in sys.argv[1].split(".")]
print(functools.reduce(lambda part, key: part[key], path, json.load(sys.stdin)))' "$1"; }
# body name=Школа capacity:=30  →  {"name": "Школа", "capacity": 30}
body() { python3 -c '
import json, sys
pairs = (one.partition("=") for one in sys.argv[1:])
print(json.dumps({key.rstrip(":"): json.loads(value) if key.endswith(":") else value
                  for key, _, value in pairs}))' "$@"; }
call() {
    local answer
    answer=$(curl -sS --fail-with-body -H "Content-Type: ${MEDIA_TYPE:-application/json}" "$@") || { echo "$answer" >&2; exit 1; }
    echo "$answer"
}
ask() { call -H "Authorization: Bearer $TOKEN" "${@:2}" "$SCHOOL$1"; }
# tell: ask, and need no answer; table: tell what is in a table
tell() { ask "$@" > /dev/null; }
table() { MEDIA_TYPE=text/csv tell "$1" --data-binary @"$2" "${@:3}"; }
# names /subjects name  →  a line "id<TAB>name" for each
names() { ask "$1" | python3 -c '
import json, sys
for one in json.load(sys.stdin)["items"]:
    if one[sys.argv[1]]:
        print(one["id"], one[sys.argv[1]], sep="\t")' "$2"; }
# look_up subjects /subjects name: fill the array "subjects" with ids by names
look_up() {
    local -n found=$1
    local id name
    while IFS=$'\t' read -r id name; do found[$name]=$id; done < <(names "$2" "$3")
}
rows() { tail -n +2 "$DATA/$1.csv"; }

# --- The coordinator registers (А.8) -----------------------------------------------------------

TOKEN=$(body login="$LOGIN" password="$TEMPORARY_PASSWORD" | call "$API/v1/sessions" -d @- | field access_token)
TOKEN=$(body password="$PASSWORD" |
    call "$API/v1/accounts/registration" -H "Authorization: Bearer $TOKEN" -d @- | field access_token)
SCHOOL=$API/v1/organizations/$(SCHOOL=$API/v1 ask /me | field organizations.0.organization_id)

# --- Profile, calendar, bells, rooms, subjects (А.10, А.12–А.14, Б.5) ---------------------------

version=$(ask "" | field version)
tell "" -X PATCH -H "If-Match: \"$version\"" -d '{
    "full_name": "Муниципальное общеобразовательное учреждение «Школа № 7»",
    "address": "г. Тверь, ул. Садовая, 7", "phone": "+7 482 200-00-07", "email": "school7@example.org",
    "licence": {"number": "Л035-07", "issued_on": "2016-03-14", "issued_by": "Министерство образования"}}'
body title="Режим работы" body="Занятия в одну смену, с 8:30." | tell /information-sections -d @-
year=$(body name="$YEAR" begins_on="$BEGINS" ends_on="$ENDS" | ask /academic-years -d @- | field id)
while IFS=';' read -r kind name begins_on ends_on; do
    days=(academic_year_id:="$year" name="$name" begins_on="$begins_on" ends_on="$ends_on" grade_from:=1 grade_to:=11)
    case $kind in
        holiday) body "${days[@]}" | tell /holidays -d @- ;;
        *) body "${days[@]}" kind="$kind" | tell /reporting-periods -d @- ;;
    esac
done < <(rows calendar)
bells=$(while IFS=';' read -r number begins_at ends_at; do
    body number:="$number" begins_at="$begins_at" ends_at="$ends_at"
done < <(rows bells) | paste -sd,)
bells=$(body name=Основное bells:="[$bells]" | ask /bell-schedules -d @- | field id)
while IFS=';' read -r building name kind capacity; do
    body building="$building" name="$name" kind="$kind" capacity:="$capacity" | tell /rooms -d @-
done < <(rows rooms)
while IFS=';' read -r name area; do
    body name="$name" area="$area" | tell /subjects -d @-
done < <(rows subjects)

# --- People and classes: each table is tried first, then taken (А.11, А.15, А.17, А.18) ---------

for step in "staff?" "classes?academic_year_id=$year&" "students?academic_year_id=$year&"; do
    file=$DATA/${step%%\?*}.csv
    table "/imports/${step}validate_only=true" "$file"
    table "/imports/$step" "$file"
done
declare -A subjects=() classes=() staff=()
look_up subjects '/subjects?limit=200' name
look_up classes "/groups?limit=200&academic_year_id=$year" name
look_up staff '/staff?limit=200' external_id

# --- The curriculum, and the journals that it opens (А.14, 2.1) ---------------------------------

declare -A lines=() taught=()
while IFS=';' read -r class subject hours teacher; do
    lines[$class]+=${lines[$class]:+,}$(body subject_id:="${subjects[$subject]}" weekly_hours:="$hours" \
        teacher_id:="${staff[$teacher]}")
    link="${subjects[$subject]} ${staff[$teacher]}"
    [ -n "${taught[$link]:-}" ] || body subject_id:="${link% *}" teacher_id:="${link#* }" |
        tell /subject-teachers -d @-
    taught[$link]=yes
done < <(rows curriculum)
for class in "${!lines[@]}"; do
    body lines:="[${lines[$class]}]" | tell "/groups/${classes[$class]}/curriculum" -X PUT -d @-
done
tell "/academic-years/$year/journals" -d '{}'

# --- The timetable, and its lessons up to the end of the first quarter (А.19, В.5) --------------

first_ends=$(rows calendar | head -1 | cut -d';' -f4)
timetable=$(body academic_year_id:="$year" bell_schedule_id:="$bells" name="$YEAR" begins_on="$BEGINS" \
    ends_on="$ENDS" | ask /timetables -d @- | field id)
table "/imports/timetable?timetable_id=$timetable" "$DATA/timetable.csv"
body from_on="$BEGINS" to_on="$first_ends" | tell "/timetables/$timetable/generation" -d @-

# --- Lesson plans: one for a subject and grade, followed by its journals (А.16) -----------------

declare -A teachers=() journals=()
while IFS=$'\t' read -r journal class subject teacher; do
    journals[$subject;${class//[!0-9]/}]+=" $journal" teachers[$subject;${class//[!0-9]/}]=$teacher
done < <(ask "/journals?limit=200&academic_year_id=$year" | python3 -c '
import json, sys
for one in json.load(sys.stdin)["items"]:
    print(one["id"], one["group_name"], one["subject_name"], one["teachers"][0]["teacher_id"], sep="\t")')
for key in "${!journals[@]}"; do
    subject=${key%;*} grade=${key#*;}
    plan=$(body academic_year_id:="$year" subject_id:="${subjects[$subject]}" grade:="$grade" \
        teacher_id:="${teachers[$key]}" title="$subject, $grade класс" | ask /lesson-plans -d @- | field id)
    { head -1 "$DATA/plans.csv"; grep "^$key;" "$DATA/plans.csv"; } | cut -d';' -f3- |
        table "/imports/lesson-plan?lesson_plan_id=$plan" - -H 'If-Match: *'
    for journal in ${journals[$key]}; do
        body lesson_plan_id:="$plan" | tell "/journals/$journal/plan" -X PUT -H 'If-None-Match: *' -d @-
        tell "/journals/$journal/plan/application" -X POST
    done
done

# --- Logins on paper, class by class and for the staff (А.3, А.20) -------------------------------

body whom=staff | tell /credential-batches/slips -o "$OUT/slips-staff.pdf" -d @-
for class in "${!classes[@]}"; do
    body group_id:="${classes[$class]}" | tell /credential-batches/slips -o "$OUT/slips-$class.pdf" -d @-
done

# --- Is the school ready by 5 September? (2.1) ---------------------------------------------------

ask "/academic-years/$year/readiness" | python3 -c '
import json, sys
told = json.load(sys.stdin)
for one in told["steps"]:
    print(one["state"].ljust(8), one["due_on"], one["title"])
    for section in one["sections"]:
        for item in section["items"]:
            print("        ", section["title"] + ":", item["name"], item["link"]["method"], item["link"]["path"])
for one in told["duties"]:
    print(one["state"].ljust(8), one["due_on"], one["clause"], one["title"])'
