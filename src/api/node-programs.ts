import { z } from 'zod';
import { queryInteger } from './query.ts';

/** Bodies of the local application API on a node's control socket. */

/** Of a COSE_Sign1 in base64: the largest has a quarter less, of which most is payload. */
export const SIGNED_CHARS_MAX = 64 * 1024;

const instant = z.iso.datetime().describe('RFC 3339, UTC');

/** Messages in one answer. */
export const MESSAGES_LIMIT_MAX = 1_000;
export const MESSAGES_LIMIT_DEFAULT = 100;

export const publishRequestSchema = z
  .object({
    type: z.string().min(1).max(256),
    payload: z
      .string()
      .max(64 * 1024)
      .describe('base64'),
    ttl_sec: z.int().default(3_600).describe('life of the message, 1 s to 7 days'),
    audience: z.string().max(128).optional().describe('a node_id or role:NAME; absent: everybody'),
    content_type: z.string().max(256).optional(),
  })
  .meta({ id: 'PublishRequest' });

export const messagesQuerySchema = z.strictObject({
  type: z.string().max(256).optional(),
  after: z
    .string()
    .regex(/^(?:[0-9]{1,15}|start)$/, 'expected a cursor as an earlier answer gave it, or start')
    .transform((text) => (text === 'start' ? -1 : Number(text)))
    .optional(),
  limit: queryInteger(1, MESSAGES_LIMIT_MAX).default(MESSAGES_LIMIT_DEFAULT),
  follow: z.enum(['0', '1']).default('0'),
  signed: z.enum(['0', '1']).default('0').describe('1: each with the bytes that its author signed'),
  for: z
    .enum(['all', 'me'])
    .default('all')
    .describe('me: only what is for everybody, for this node, or for a role that it has'),
});

export type MessagesQuery = z.output<typeof messagesQuerySchema>;

export const heldMessageSchema = z
  .object({
    message_id: z.string(),
    origin: z.string(),
    type: z.string(),
    audience: z.string().optional(),
    payload: z.string().describe('base64'),
    content_type: z.string(),
    timestamp: instant.describe('when it was signed'),
    expires_at: instant,
    received_at: instant,
    message: z.string().max(SIGNED_CHARS_MAX).optional().describe('with `signed=1`: the COSE_Sign1, base64'),
  })
  .meta({ id: 'HeldMessage' });

export type HeldMessageJson = z.infer<typeof heldMessageSchema>;

export const messagesResponseSchema = z
  .object({ messages: z.array(heldMessageSchema), next: z.string().nullable() })
  .meta({ id: 'MessagesResponse' });

export type MessagesResponse = z.infer<typeof messagesResponseSchema>;

/** What a message names by the hash of its signer: see `GET /v1/vouchers/:hash`. */
export const voucherResponseSchema = z
  .object({
    certificates: z
      .array(z.base64().max(16 * 1024))
      .max(8)
      .describe('DER, leaf first'),
    statement: z
      .base64()
      .max(16 * 1024)
      .optional()
      .describe('of a delegate; the certificates are then its node’s'),
  })
  .meta({ id: 'VoucherResponse' });

export type VoucherResponse = z.infer<typeof voucherResponseSchema>;

/** A revocation list, and the certificate of who signed it. DER. */
export const crlResponseSchema = z
  .object({ crl: z.base64(), issuer: z.base64().max(16 * 1024) })
  .meta({ id: 'CrlResponse' });

export type CrlResponse = z.infer<typeof crlResponseSchema>;

export const indicatorsResponseSchema = z
  .object({
    indicators: z.array(
      z.object({
        kind: z.enum(['hash', 'rule', 'pattern']),
        value: z.string(),
        risk: z.int(),
        labels: z.array(z.string()),
        origin: z.string(),
        message_id: z.string(),
        valid_until: instant,
      }),
    ),
  })
  .meta({ id: 'IndicatorsResponse' });

export type IndicatorsResponse = z.infer<typeof indicatorsResponseSchema>;

export const recordsResponseSchema = z
  .object({
    records: z.array(
      z.object({
        node_id: z.string(),
        name: z.string(),
        version: z.string(),
        addresses: z.array(z.string()),
        sequence: z.string().describe('INCARNATION.COUNTER; the highest counts'),
      }),
    ),
  })
  .meta({ id: 'RecordsResponse' });

export type RecordsResponse = z.infer<typeof recordsResponseSchema>;

export const candidateRequestSchema = z
  .object({ address: z.string().max(300).describe('HOST:PORT'), node_id: z.string().max(63).optional() })
  .meta({ id: 'CandidateRequest', description: 'a place where a node may listen: a hint, never a peer' });

const count = z.int().min(0);

/** A message, COSE_Sign1 (spec 03 section 1). */
export const signedMessageSchema = z.object({
  message: z.base64().max(SIGNED_CHARS_MAX).describe('base64'),
});

export const statusResponseSchema = z
  .object({
    node_id: z.string(),
    mesh: z.string(),
    name: z.string(),
    version: z.string(),
    started_at: instant,
    addresses: z.array(z.string()).describe('where other nodes may reach this one'),
    incarnation: z.int(),
    certificate: z.object({
      state: z
        .enum(['good', 'ending', 'ended', 'revoked'])
        .describe(
          'ending: a third of its life is left; ended: no other node takes this one any more; revoked: nor now, however much of its life is left',
        ),
      serial: z.string(),
      not_after: instant,
      roles: z.array(z.string()),
      revoked: z.boolean().describe('as far as this node has heard'),
    }),
    clock_behind_sec: count
      .default(0)
      .describe(
        'how far the clock of the machine lies behind what the authority has signed; time is taken to be later',
      ),
    links: z.array(z.object({ node_id: z.string(), direction: z.enum(['inbound', 'outbound']), address: z.string() })),
    crls: z.array(
      z.object({
        issuer_key_hash: z.string(),
        number: z.int(),
        this_update: instant,
        kept: count.default(0).describe('revocations in force that this list does not name and an earlier one did'),
      }),
    ),
    messages: z.object({ held: count, streams: count, checking: count, unsaved: count }),
    candidates: count.describe('places where nodes may listen, as far as known'),
    counters: z.object({
      accepted: count,
      published: count,
      conflicts: count,
      links_up: count,
      links_down: count,
      dials_failed: count,
      handshakes_refused: count,
      dropped: z.record(z.string(), count).describe('messages not taken, by reason'),
    }),
  })
  .meta({ id: 'StatusResponse' });

export type StatusResponse = z.infer<typeof statusResponseSchema>;

/**
 * What `GET /v1/events` tells, one object an event. A listener first gets a `link-up` for each link that stands, then
 * everything from now on.
 */
export const nodeEventSchema = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('link-up'),
    peer: z.string(),
    direction: z.enum(['inbound', 'outbound']),
    address: z.string(),
  }),
  z.object({ event: z.literal('link-down'), peer: z.string(), why: z.string() }),
  z.object({
    event: z.literal('message'),
    message_id: z.string(),
    origin: z.string(),
    type: z.string(),
    received_at: instant,
  }),
  z.object({
    event: z.literal('crl'),
    issuer_key_hash: z.string(),
    number: z.int(),
    dropped_live: z
      .array(z.string())
      .default([])
      .describe('serials that the list should still name: they stay revoked here, and somebody should look why'),
  }),
  z.object({
    event: z.literal('conflict'),
    message_id: z.string(),
    origin: z.string(),
    kept: z.string().describe('SHA-256 of the content that is kept, hex'),
    refused: z.string().describe('of the other content under the same id'),
  }),
]);

export type NodeEventJson = z.infer<typeof nodeEventSchema>;
