-- The entries that a body asks for, as columns of one length.
wanted AS MATERIALIZED (
    SELECT i.weekday, i.number, i.weeks, i.journal_id, i.teacher_id, i.room_id, i.place
    FROM unnest(
        CAST(:weekdays AS int[]), CAST(:numbers AS int[]), CAST(:weeks AS text[]),
        CAST(:journal_ids AS bigint[]),
        CAST(:teacher_ids AS bigint[]), CAST(:room_ids AS bigint[])
    ) WITH ORDINALITY AS i (weekday, number, weeks, journal_id, teacher_id, room_id, place)
)
