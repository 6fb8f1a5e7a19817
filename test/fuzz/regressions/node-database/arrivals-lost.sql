DELETE FROM meta WHERE key = 'arrivals';
