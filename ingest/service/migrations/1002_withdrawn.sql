-- Withdrawn scans are announced a few times more, in case the first announcement was lost.

CREATE INDEX scan_withdrawn ON scan (news_at) WHERE state = 'withdrawn';
