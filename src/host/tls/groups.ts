/** Key exchange, best first: hybrid against recorded traffic, then the classical groups. */
export const TLS_GROUPS = 'X25519MLKEM768:X25519:P-256';

/**
 * Key exchange of connections that offer a session, and of no others. The secret of the session comes from a hybrid
 * exchange and goes into every key of the resumed connection (RFC 8446 section 7.1), so who records it and breaks these
 * groups one day still lacks that secret; and who gets that secret one day lacks this exchange (adr/0024).
 */
export const RESUMPTION_GROUPS = 'X25519:P-256';
