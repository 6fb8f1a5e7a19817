/**
 * What each error code means to HTTP callers and to people. One table: nobody chooses a status anywhere else, save that the
 * Connect protocol has its own for River's services (`http/streams/connect.ts`).
 */
export interface ErrorEntry {
  /** HTTP status when the error ends a request (RFC 9110). */
  readonly status: number;
  /** Short summary, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What to do, where the thrower has nothing better to say. */
  readonly hint?: string;
  /** Whether it says how a command was called, so that it exits 2 and not 1. */
  readonly isUsage?: true;
  /** The number of River's `Err`, where a River client may meet the error (spec 09 river events). */
  readonly river?: number;
  /** For what passes by itself: when to try again, where the thrower knows no better (RFC 9110 `Retry-After`). */
  readonly retryAfterSec?: number;
}

/** Every stable error code. A new code cannot be used before it has its row here. */
export const ERRORS = {
  // input
  ERR_USAGE: { status: 400, title: 'wrong usage', isUsage: true },
  ERR_INPUT: { status: 400, title: 'malformed input' },
  ERR_NOT_FOUND: { status: 404, title: 'not found' },
  ERR_METHOD: { status: 405, title: 'method not allowed' },
  ERR_REQUEST_TIMEOUT: { status: 408, title: 'the request came too slowly' },
  ERR_BODY_TOO_LARGE: { status: 413, title: 'body too large', hint: 'send at most 64 KiB' },
  ERR_MEDIA_TYPE: { status: 415, title: 'unsupported media type' },
  ERR_HEADERS_TOO_LARGE: { status: 431, title: 'request headers too large', hint: 'send at most 8 KiB of headers' },
  ERR_RATE_LIMITED: {
    status: 429,
    title: 'too many requests',
    hint: 'wait as long as Retry-After says',
    retryAfterSec: 1,
  },
  ERR_INTERNAL: { status: 500, title: 'internal error', hint: 'see the log of the process' },
  ERR_OVERLOADED: { status: 503, title: 'overloaded', hint: 'try again shortly', retryAfterSec: 1 },
  ERR_NOT_READY: { status: 503, title: 'not ready', retryAfterSec: 10 },

  // encodings
  ERR_CBOR: { status: 400, title: 'not the one deterministic CBOR encoding' },
  ERR_DER: { status: 400, title: 'not valid DER' },
  ERR_PEM: { status: 400, title: 'not valid PEM' },
  ERR_PROTOBUF: { status: 400, title: 'not a protobuf message of the expected kind', river: 3 },
  ERR_COSE: { status: 400, title: 'not a COSE_Sign1 of this profile' },
  ERR_KEY: { status: 400, title: 'unusable key' },
  ERR_KEY_ENCODING: { status: 400, title: 'not base58, or of the wrong length' },
  ERR_KEY_CHECKSUM: { status: 400, title: 'checksum of the key is wrong', hint: 'check the key for a typing error' },
  ERR_KEY_VERSION: { status: 400, title: 'unknown version of an extended key', hint: 'use a key of xprv or xpub' },
  ERR_KEY_PREFIX: { status: 400, title: 'key data do not belong to the version of the key' },
  ERR_KEY_DEPTH: { status: 400, title: 'depth of the key is impossible' },
  ERR_KEY_RANGE: { status: 400, title: 'private key out of range' },
  ERR_KEY_POINT: { status: 400, title: 'public key is no point of the curve' },
  ERR_KEY_SEED: { status: 400, title: 'not a seed', hint: 'a seed has 16 to 64 bytes' },
  ERR_KEY_PATH: { status: 400, title: 'not a derivation path', hint: "write a path like m/44'/0'/7" },
  ERR_KEY_INDEX: { status: 400, title: 'no key at this index', hint: 'use the next index' },
  ERR_KEY_HARDENED: { status: 400, title: 'only the private key has this child' },
  ERR_KEY_CURVE: { status: 400, title: 'the curve cannot do this' },
  ERR_KEY_PUBLIC: { status: 400, title: 'the key is public: nobody gets a private key out of it' },
  ERR_KEY_MNEMONIC: { status: 400, title: 'not a mnemonic', hint: 'check the words and their order' },
  ERR_KEY_EXPORT: { status: 403, title: 'this key may not leave' },
  ERR_NODE_ID: { status: 400, title: 'not a node id' },
  ERR_MESH_NAME: { status: 400, title: 'not a mesh name' },
  ERR_CERTIFICATE: { status: 400, title: 'not a certificate that this program reads' },
  ERR_CSR_MALFORMED: { status: 400, title: 'not a certification request', hint: 'send PKCS#10 as PEM or base64 DER' },
  ERR_CSR_SIGNATURE: { status: 400, title: 'the certification request does not prove possession of its key' },
  ERR_CSR_KEY: { status: 400, title: 'key type not accepted', hint: 'use a P-256 or Ed25519 key' },
  ERR_CRL: { status: 400, title: 'not a CRL that this program reads' },
  ERR_CRL_STALE: {
    status: 503,
    title: 'no revocation list that counts',
    hint: 'take a newer list from the authority: GET /v1/crl',
  },

  // certification paths (RFC 5280 section 6)
  ERR_PATH_EMPTY: { status: 401, title: 'no certificate presented' },
  ERR_PATH_NO_ANCHOR: { status: 403, title: 'the chain does not end in the trust anchor' },
  ERR_PATH_SIGNATURE: { status: 403, title: 'a signature in the chain is wrong' },
  ERR_PATH_EXPIRED: {
    status: 403,
    title: 'certificate expired',
    hint: 'check the clock; else enrol the node again with a new ticket',
  },
  ERR_PATH_NOT_YET_VALID: { status: 403, title: 'certificate not yet valid', hint: 'check the clock' },
  ERR_PATH_REVOKED: { status: 403, title: 'certificate revoked' },
  ERR_PATH_CONSTRAINT: { status: 403, title: 'the chain breaks a constraint' },
  ERR_PATH_EXTENSION: { status: 403, title: 'an extension is unknown, critical or malformed' },
  ERR_PATH_USAGE: { status: 403, title: 'the certificate may not be used for this purpose' },
  ERR_PATH_NAME: { status: 403, title: 'the certificate speaks for another name' },
  ERR_PATH_PROFILE: { status: 403, title: 'the certificate does not follow the profile of this mesh' },
  ERR_PATH_LIMIT: { status: 403, title: 'the chain is too long or too costly to judge' },
  ERR_PATH_CRL: { status: 403, title: 'no usable CRL for an issuer in the chain' },

  // authority
  ERR_TICKET_REFUSED: {
    status: 400,
    title: 'ticket refused',
    hint: 'ask the operator for a new ticket: chainmail ticket create',
  },
  ERR_TICKET_MALFORMED: {
    status: 400,
    title: 'not an enrolment ticket',
    hint: 'use the file that «chainmail ticket create» wrote, unchanged',
  },
  ERR_FILE_EXISTS: { status: 409, title: 'the output file exists', hint: 'choose another file with --out' },
  ERR_ENROLL_NODE_ID: { status: 403, title: 'the ticket does not grant this node id' },
  ERR_ENROLL_POLICY: { status: 403, title: 'enrolment refused by policy' },
  ERR_ENROLL_REVOKED: { status: 403, title: 'this key was revoked', hint: 'enrol with a new key and a new ticket' },
  ERR_ATTESTATION: { status: 403, title: 'attestation refused' },
  ERR_REVOKE_UNKNOWN: { status: 404, title: 'no such certificate or node' },
  ERR_CREDENTIAL_REQUIRED: { status: 401, title: 'a client certificate is required' },
  ERR_FORBIDDEN: { status: 403, title: 'not permitted' },
  ERR_ACCESS_KEY_EXISTS: { status: 409, title: 'the access key id was used before' },
  ERR_ACCESS_KEYS_FULL: {
    status: 409,
    title: 'there are too many access keys',
    hint: 'remove those that nobody uses: chainmail admin remove',
  },
  ERR_CLOCK_JUMPED: {
    status: 503,
    title: 'the clock moved against the last signature',
    hint: 'check the clock, then: chainmail authority accept-clock --dir DIR',
  },

  // messages
  ERR_MESSAGE_MALFORMED: { status: 400, title: 'not a message of this mesh' },
  ERR_MESSAGE_EXPIRED: { status: 400, title: 'message expired' },
  ERR_MESSAGE_FUTURE: {
    status: 400,
    title: 'message is dated more than 10 minutes ahead',
    hint: 'check the clock of the signer',
  },
  ERR_MESSAGE_LIFETIME: { status: 400, title: 'message lives too long or not at all', hint: 'use 1 second to 7 days' },
  ERR_MESSAGE_PAYLOAD: { status: 400, title: 'payload refused for this type' },
  ERR_MESSAGE_SIGNATURE: { status: 403, title: 'message signature is wrong' },
  ERR_MESSAGE_UNKNOWN_ORIGIN: { status: 403, title: 'the signer of the message is unknown' },
  ERR_MESSAGE_REVOKED_ORIGIN: { status: 403, title: 'the signer of the message is revoked' },
  ERR_MESSAGE_NOT_PERMITTED: {
    status: 403,
    title: 'the signer may not publish this type',
    hint: 'check the type; what a node may publish comes from the roles of its ticket: chainmail ticket create --role ROLE',
  },
  ERR_MESSAGE_CONFLICT: { status: 409, title: 'this message id is taken by other content' },
  ERR_MESSAGE_OVER_BUDGET: {
    status: 429,
    title: 'the author is over its budget',
    hint: 'wait as long as Retry-After says, then send it again',
    retryAfterSec: 1, // and there is room for 200 more
  },

  // events of River, and the wallets and devices that sign them
  ERR_EVENT_MISSING: { status: 400, title: 'no event given', hint: 'send an Envelope', river: 26 },
  ERR_EVENT_HASH: { status: 400, title: 'the hash of the envelope is not that of its event', river: 35 },
  ERR_EVENT_RECOVERY: {
    status: 400,
    title: 'no key can be recovered from the signature of the envelope',
    hint: 'an envelope has 65 bytes r, s, v with v 0 or 1, not 27 or 28',
    river: 3,
  },
  ERR_EVENT_SIGNATURE: { status: 403, title: 'the event was not signed by its creator', river: 22 },
  ERR_WALLET_KEY: {
    status: 400,
    title: 'device key of the delegate is none',
    hint: 'give 04, x and y of a point of secp256k1: 65 bytes, or 64 without the 04',
    river: 3,
  },
  ERR_WALLET_EXPIRY: { status: 400, title: 'expiry of the delegate is negative', river: 3 },
  ERR_WALLET_ENCODING: {
    status: 400,
    title: 'delegate signature has a wrong form',
    hint: 'a delegate signature has 65 bytes r, s, v with v 27 or 28, or 0 or 1; the 64 bytes of EIP-2098 are refused',
    river: 22,
  },
  ERR_WALLET_LEGACY: {
    status: 403,
    title: 'delegate signature binds no expiry',
    hint: 'have the wallet sign RIVERSIG, the device key and the expiry',
    river: 22,
  },
  ERR_WALLET_SIGNATURE: { status: 403, title: 'delegate was not signed by the creator for this device', river: 22 },
  ERR_WALLET_EXPIRED: {
    status: 403,
    title: 'the delegate has expired',
    hint: 'have the wallet sign a new delegate for the device',
    river: 7,
  },
  ERR_WALLET_FOREVER: {
    status: 403,
    title: 'the delegate never expires',
    hint: 'sign it with an expiry, or accept such ones with --river-compat',
    river: 7,
  },
  ERR_WALLET_LIFETIME: {
    status: 403,
    title: 'the delegate lives too long',
    hint: 'have the wallet sign one that ends within 30 days, or accept longer ones with --river-compat',
    river: 7,
  },
  ERR_WALLET_REVOKED: {
    status: 403,
    title: 'the wallet has revoked this delegate',
    hint: 'have the wallet sign a new one, that ends later',
    river: 7,
  },
  ERR_EPOCH_MALFORMED: { status: 400, title: 'not the statement of an epoch by a wallet', river: 3 },
  ERR_EPOCH_SIGNATURE: { status: 403, title: 'the wallet has not signed this epoch', river: 22 },
  ERR_BEARER_TOKEN: { status: 400, title: 'not a bearer token of River', river: 3 },

  // streams of such events
  ERR_STREAM_ID: { status: 400, title: 'not the id of a stream', river: 18 },
  ERR_STREAM_PARAMETERS: { status: 400, title: 'a stream cannot begin like this', river: 19 },
  ERR_STREAM_NOT_FOUND: { status: 404, title: 'there is no such stream', river: 5 },
  ERR_STREAM_ALTERED: {
    status: 502,
    title: 'the server gave a stream that does not hold',
    hint: 'ask another server, or whoever runs this one',
    river: 15,
  },
  ERR_STREAM_EXISTS: { status: 409, title: 'the stream exists already', river: 6 },
  ERR_STREAM_FULL: { status: 429, title: 'no room for more', hint: 'begin another stream', river: 8 },
  ERR_STREAM_FORBIDDEN: { status: 403, title: 'the creator of the event may not add it to this stream', river: 7 },
  ERR_STREAM_PRIVATE: {
    status: 403,
    title: 'only members of the stream may read it',
    hint: 'authenticate as a member, or have one invite you',
    river: 7,
  },
  ERR_STREAM_PAYLOAD: { status: 400, title: 'payload does not belong into this stream', river: 3 },
  ERR_STREAM_PREV_MISSING: {
    status: 400,
    title: 'the event names no block before it',
    hint: 'set prev_miniblock_hash; GetLastMiniblockHash tells it',
    river: 3,
  },
  ERR_STREAM_PREV_FORMAT: { status: 400, title: 'prev_miniblock_hash is no hash', river: 23 },
  ERR_STREAM_PREV_UNKNOWN: {
    status: 400,
    title: 'prev_miniblock_hash is not of a recent block',
    hint: 'sign the event anew with the hash that GetLastMiniblockHash tells',
    river: 24,
  },
  ERR_STREAM_PREV_NEW: { status: 400, title: 'the stream has no such block yet', river: 63 },
  ERR_STREAM_PREV_MISMATCH: { status: 400, title: 'the block of this number has another hash', river: 15 },
  ERR_CHALLENGE_UNKNOWN: {
    status: 404,
    title: 'no such challenge',
    hint: 'a challenge can be answered once, within 30 seconds; ask for a new one',
    river: 5,
  },
  ERR_CHALLENGE_SIGNATURE: { status: 403, title: 'the challenge is not signed by the user', river: 7 },
  ERR_SESSION: {
    status: 401,
    title: 'a session is required',
    hint: 'authenticate with StartAuthentication and FinishAuthentication, and send Authorization: Bearer TOKEN',
    river: 16,
  },
  // delegates
  ERR_DELEGATE_MALFORMED: { status: 400, title: 'not a delegate statement of this mesh' },
  ERR_DELEGATE_KEY: { status: 400, title: 'delegate key is no key of its curve' },
  ERR_DELEGATE_LIFETIME: {
    status: 400,
    title: 'delegate lives too long or not at all',
    hint: 'use 1 second to 30 days',
  },
  ERR_DELEGATE_SCOPE: { status: 403, title: 'scope of the delegate refused' },
  ERR_DELEGATE_SIGNATURE: { status: 403, title: 'signature of the delegate statement is wrong' },
  ERR_DELEGATE_HIGH_S: {
    status: 403,
    title: 'signature of the delegate statement is not in its one form',
    hint: 'sign with s in the lower half of the order: the other half is a second signature of the same',
  },
  ERR_DELEGATE_NODE: {
    status: 403,
    title: 'the delegate speaks for another node',
    hint: 'name as origin the node that the statement names',
  },
  ERR_DELEGATE_BRANCH: {
    status: 403,
    title: 'the delegate stands on nothing that the authority has published',
    hint: 'wait until the newest revocation list has come, or ask for a new delegate',
  },
  ERR_DELEGATE_EPOCH: { status: 403, title: 'the epoch of the delegate is over', hint: 'ask for a new delegate' },
  ERR_DELEGATE_EXPIRED: { status: 403, title: 'delegate expired', hint: 'ask for a new delegate, or check the clock' },
  ERR_DELEGATE_NOT_YET_VALID: { status: 403, title: 'delegate not yet valid', hint: 'check the clock' },
  ERR_DELEGATE_REVOKED: { status: 403, title: 'delegate revoked', hint: 'ask for a new delegate' },
  ERR_DELEGATE_UNKNOWN: { status: 404, title: 'no such delegate' },

  // signed requests
  ERR_REQUEST_MALFORMED: { status: 400, title: 'the signed request cannot be read' },
  ERR_REQUEST_DUPLICATE_PARAMETER: { status: 400, title: 'a parameter of the signature is said twice' },
  ERR_REQUEST_SIGNATURE: {
    status: 403,
    title: 'the signature is not of this request and key',
    hint: 'compare with what «chainmail request sign --explain» makes of the same request',
  },
  ERR_REQUEST_SKEW: {
    status: 401,
    title: 'the request is dated outside the window',
    hint: 'check the clock of the signer, and sign anew',
  },
  ERR_REQUEST_EXPIRED: { status: 401, title: 'the signed request has expired', hint: 'sign anew' },
  ERR_REQUEST_SCOPE: { status: 403, title: 'the credential scope is another date or service' },
  ERR_REQUEST_REGION: {
    status: 403,
    title: 'the request was signed for other regions',
    hint: 'the region set must name the mesh',
  },
  ERR_REQUEST_HOST: {
    status: 403,
    title: 'the request was signed for another host',
    hint: 'call it by a name of its certificate, or add the name to «hosts»',
  },
  ERR_REQUEST_UNSIGNED_HEADER: { status: 403, title: 'a header that has to be signed is not' },
  ERR_REQUEST_UNSIGNED_PAYLOAD: {
    status: 403,
    title: 'the body is not signed',
    hint: 'let the signer hash the body; UNSIGNED-PAYLOAD is not taken',
  },
  ERR_REQUEST_REPLAYED: {
    status: 403,
    title: 'this very request was made before',
    hint: 'sign anew; for two equal calls in one second add another x-chainmail-nonce to each',
  },
  ERR_MESSAGE_NO_ROOM: {
    status: 429,
    title: 'no room for another message of this author',
    hint: 'wait as long as Retry-After says, then send it again',
    retryAfterSec: 1, // gaps close as soon as what is missing comes
  },

  // signer
  ERR_RECORD_MALFORMED: { status: 400, title: 'not a record' },
  ERR_RECORD_HEADER: { status: 400, title: 'the CSV has no header' },
  ERR_RECORD_ID: { status: 400, title: 'id of the record refused', hint: 'an id has 1 to 256 bytes' },
  ERR_RECORD_MESSAGE: { status: 400, title: 'message of the record refused', hint: 'a message has 1 byte to 1 MiB' },
  ERR_RECORD_UTF8: { status: 400, title: 'text of the record is not valid UTF-8' },
  ERR_RECORD_DUPLICATE: { status: 409, title: 'the id is known already' },
  ERR_RECORD_SALT: { status: 400, title: 'salt of the record is no UUID' },
  ERR_RECORD_KEY: { status: 400, title: 'public key of the record is none' },
  ERR_RECORD_SIGNATURE: { status: 400, title: 'signature of the record is wrong' },
  ERR_RING_MISSING: {
    status: 500,
    title: 'no signing keys',
    hint: 'chainmail signer keys generate --dir DIR --count 16',
  },
  ERR_RING_DIFFERS: {
    status: 409,
    title: 'the replicas have different key rings',
    hint: 'give every replica the same keys in the same order',
  },
  ERR_RUN_DIFFERS: { status: 409, title: 'this batch belongs to another run' },
  ERR_BATCH_LEASED: { status: 409, title: 'another worker has this batch' },
  ERR_TOKEN: { status: 401, title: 'a bearer token is required' },
  ERR_BROWSER: {
    status: 403,
    title: 'a call from a browser',
    hint: 'call it by address or as localhost, without Origin; or give the signer a --token-file',
  },
  ERR_STORE: {
    status: 503,
    title: 'the record store cannot be reached',
    hint: 'nothing is lost: try again when it is back',
  },
  ERR_KEY_TOKEN: {
    status: 500,
    title: 'the keys in the PKCS #11 token cannot be used',
    hint: 'look at the token with pkcs11-tool --list-objects',
  },
  ERR_ENGINE: { status: 500, title: 'no engine can sign here', hint: 'chainmail doctor' },

  // files, processes, configuration
  ERR_STORAGE: {
    status: 503,
    title: 'the disk cannot be written',
    hint: 'make room on the disk (df), and see that it is mounted writable; then try again: what was answered before is kept',
    retryAfterSec: 10,
  },
  ERR_PASSPHRASE_WRONG: { status: 500, title: 'wrong passphrase' },
  ERR_PASSPHRASE_MISSING: {
    status: 500,
    title: 'no passphrase',
    isUsage: true,
    hint: 'give --passphrase-file FILE, set CHAINMAIL_PASSPHRASE_FILE, or write DIR/passphrase with mode 0600',
  },
  ERR_KEY_FILE_MODE: { status: 500, title: 'a secret file is readable by others', hint: 'chmod 600 the file' },
  ERR_KEY_MISSING: { status: 500, title: 'no such key in the key store' },
  ERR_STATE_CORRUPT: { status: 500, title: 'state file damaged', hint: 'restore the directory from a backup' },
  ERR_STATE_FOREIGN: { status: 500, title: 'state belongs to another mesh, node or program version' },
  ERR_DIR_LOCKED: { status: 500, title: 'another process runs on this directory' },
  ERR_DIR_EXISTS: { status: 500, title: 'the directory is already initialised' },
  ERR_DIR_NOT_INITIALISED: { status: 500, title: 'the directory is not initialised' },
  ERR_NOT_RUNNING: { status: 500, title: 'no process runs on this directory' },
  ERR_PORT_IN_USE: { status: 500, title: 'the port is in use', hint: 'choose another with --listen HOST:PORT' },
  ERR_CONFIG: { status: 500, title: 'wrong configuration' },
  ERR_UNREACHABLE: { status: 502, title: 'the other side cannot be reached' },
  ERR_REMOTE: { status: 502, title: 'the other side refused' },
  ERR_RUNTIME: {
    status: 500,
    title: 'this Node.js is too old',
    hint: 'install with npm, which brings the pinned Node 26',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Status, title and hint of a code. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return ERRORS[code];
}
