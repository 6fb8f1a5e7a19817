UPDATE certificates SET revoked_at = 9223372036854775807, revoked_reason = 'x';
