import { z } from 'zod';

/** Bodies of a node's HTTP interface for members. Unknown members are passed over. */

/** Base64 of 16 KiB, with room; what is too long for its type is told by the type's own error. */
export const BASE64_CHARS_MAX = 64 * 1024;

const base64 = z.string().max(BASE64_CHARS_MAX);
const seconds = z.int();

export const prepareRequestSchema = z
  .object({
    type: z.string().min(1).max(256).describe('indicator, sensor/TOPIC or command/NAME'),
    payload: base64.describe('base64'),
    ttl_sec: seconds.describe('life of the message, 1 s to 7 days'),
    audience: z.string().max(128).optional().describe('a node_id or role:NAME; absent: everybody'),
    content_type: z.string().max(256).optional(),
  })
  .meta({ id: 'PrepareRequest' });

export const prepareResponseSchema = z
  .object({
    message_id: z.string(),
    origin: z.string(),
    timestamp: z.iso.datetime(),
    payload: z.string().describe('base64'),
    protected: z.string().describe('the COSE protected header, base64'),
    to_be_signed: z.string().describe('the COSE Sig_structure, base64: sign these bytes with ECDSA and SHA-256'),
  })
  .meta({ id: 'PrepareResponse' });

export type PrepareResponse = z.infer<typeof prepareResponseSchema>;

/** `protected`, `payload` and `signature` are the message; the others are readable copies that must agree with it. */
export const gossipRequestSchema = z
  .object({
    protected: base64,
    payload: base64,
    signature: z.string().max(512).describe('base64 of r and s, 32 bytes each, or of DER'),
    message_id: z.string().optional(),
    origin: z.string().optional(),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    expires_at: z.iso.datetime({ offset: true }).optional(),
    ttl_sec: seconds.optional(),
    type: z.string().optional(),
    content_type: z.string().optional(),
    audience: z.string().optional(),
    to_be_signed: base64.optional(),
  })
  .meta({ id: 'GossipRequest' });

export type GossipRequest = z.infer<typeof gossipRequestSchema>;

export const messageIdResponseSchema = z.object({ message_id: z.string() }).meta({ id: 'MessageIdResponse' });

export type MessageIdResponse = z.infer<typeof messageIdResponseSchema>;

export const peersResponseSchema = z
  .object({
    peers: z.array(
      z.object({
        node_id: z.string(),
        status: z.enum(['connected', 'last_seen']),
        last_seen: z.iso.datetime(),
        address: z.string().optional().describe('HOST:PORT'),
      }),
    ),
  })
  .meta({ id: 'PeersResponse' });

export type PeersResponse = z.infer<typeof peersResponseSchema>;
