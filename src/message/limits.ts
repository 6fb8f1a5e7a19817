import { DAY_MS, MINUTE_MS } from '../base/time.ts';

/** Longest life of a message. Certificates and revocations are kept this long after they end, so mail outlives them. */
export const LIFETIME_MAX_MS = 7 * DAY_MS;

/** How far ahead of our clock a message may be dated: more than any honest clock drifts between two looks at the time. */
export const FUTURE_MAX_MS = 10 * MINUTE_MS;

/** Payload of a sensor reading or command. Larger things do not travel in messages. */
export const PAYLOAD_BYTES_MAX = 16 * 1024;

/** An indicator is a hash, a rule or a pattern, never a log (S1.15). */
export const INDICATOR_BYTES_MAX = 2 * 1024;

/** A node record fits one datagram beside its envelope. */
export const RECORD_BYTES_MAX = 1_000;

/** The payload, the protected header and the signature of the largest message. */
export const MESSAGE_BYTES_MAX = PAYLOAD_BYTES_MAX + 1_024 + 128;

/** Family and topic: `sensor/` and a topic of a few words. */
export const TYPE_BYTES_MAX = 128;

/** Characters of a media type with a parameter or two (RFC 6838 allows 127 a half, nobody uses them). */
export const CONTENT_TYPE_BYTES_MAX = 128;
