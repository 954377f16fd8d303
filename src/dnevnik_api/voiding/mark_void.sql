--include voiding/find
INSERT INTO void_changes (organization_id, compromise_notice_id, mark_change_id, entry_change_id)
SELECT :organization_id, :notice_id, CASE f.origin WHEN 'mark_change' THEN f.id END,
       CASE f.origin WHEN 'entry_change' THEN f.id END
FROM found f
WHERE (f.origin, f.id) NOT IN (SELECT t.origin, t.id FROM told t WHERE t.notice_id = :notice_id)
