--include voiding/find
SELECT count(*) FROM found
