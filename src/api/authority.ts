import { z } from 'zod';
import { CSR_CHARS_MAX } from '../pki/x509/certificate/csr.ts';
import { nodeIdSchema } from './enrollment.ts';
import { queryInteger } from './query.ts';
import { endpointSchema, ticketSchema } from './ticket.ts';

/** Bodies of the authority's HTTP interface. Member names are those of the seed; unknown members are passed over. */

const instant = z.iso.datetime().describe('RFC 3339, UTC');

/** Hex digits of a serial as people write it: 20 octets with colons, and room for leading zeros. */
export const SERIAL_CHARS_MAX = 96;

export const revokeRequestSchema = z
  .object({
    serial: z.string().min(1).max(SERIAL_CHARS_MAX).optional().describe('hex; case, colons and leading zeros ignored'),
    node_id: nodeIdSchema.optional().describe('revokes every certificate of the node'),
    key: z.string().min(64).max(96).optional().describe('hex of the SHA-256 of the key’s SubjectPublicKeyInfo'),
    reason: z.string().max(128).optional().describe('a reason of RFC 5280 such as keyCompromise, in any spelling'),
  })
  .refine(({ serial, node_id, key }) => [serial, node_id, key].filter((name) => name !== undefined).length === 1, {
    message: 'expected one of serial, node_id and key',
  })
  .meta({ id: 'RevokeRequest' });

export const revokeResultSchema = z
  .object({ node_id: z.string(), serials: z.array(z.string()), crl_number: z.int() })
  .meta({
    id: 'RevokeResult',
    description: 'given to administrators on the control socket; over TLS the answer is 204',
  });

export type RevokeResult = z.infer<typeof revokeResultSchema>;

export const nodeSchema = z
  .object({
    node_id: z.string(),
    status: z.enum(['active', 'revoked', 'expired']),
    serial: z.string().describe('of the newest certificate; lower-case hex'),
    not_after: instant,
    roles: z.array(z.string()),
    last_seen: instant.optional(),
    address: z.string().optional(),
    crl_number: z.int().optional().describe('of the newest CRL that the node said it enforces'),
  })
  .meta({ id: 'Node' });

export const nodesResponseSchema = z.object({ nodes: z.array(nodeSchema) }).meta({ id: 'NodesResponse' });

export type NodesResponse = z.infer<typeof nodesResponseSchema>;

/** Longest life of a ticket, in seconds: 30 days. A secret that is carried about should not be good for ever. */
export const TICKET_LIFE_SEC_MAX = 30 * 86_400;
/** Nodes that one ticket may enrol: a stolen one costs at most as many revocations. */
export const TICKET_USES_MAX = 10_000;

export const ticketRequestSchema = z
  .object({
    node_id: nodeIdSchema.optional(),
    rebind: z.boolean().optional().describe('take node_id from the key that holds it; its certificates are revoked'),
    roles: z.array(z.string().max(31)).max(16).optional(),
    ttl_sec: z.int().min(1).max(TICKET_LIFE_SEC_MAX).optional().describe('an hour by default'),
    uses: z.int().min(1).max(TICKET_USES_MAX).optional().describe('1 by default'),
    endpoint: endpointSchema.optional().describe('another way to reach this authority'),
  })
  .refine((body) => body.node_id === undefined || (body.uses ?? 1) === 1, {
    message: 'a ticket for one node_id has one use',
  })
  .refine((body) => body.node_id !== undefined || body.rebind !== true, { message: 'rebind needs node_id' })
  .meta({ id: 'TicketRequest' });

export const ticketCreatedSchema = z
  .object({ id: z.string(), ticket: ticketSchema })
  .meta({ id: 'TicketCreated', description: 'the only time that the token is seen; only its hash is kept' });

export const ticketSummarySchema = z
  .object({
    id: z.string(),
    status: z.enum(['open', 'spent', 'expired', 'cancelled', 'void']),
    created_at: instant,
    expires_at: instant,
    uses: z.int(),
    uses_spent: z.int(),
    node_id: z.string().optional(),
    roles: z.array(z.string()),
  })
  .meta({ id: 'TicketSummary' });

export type TicketSummary = z.infer<typeof ticketSummarySchema>;

export const ticketsResponseSchema = z
  .object({ tickets: z.array(ticketSummarySchema) })
  .meta({ id: 'TicketsResponse' });

/** Entries of the audit log in one answer: about 400 bytes each. */
export const AUDIT_ENTRIES_MAX = 1_000;

export const auditQuerySchema = z.strictObject({
  after: queryInteger(0, Number.MAX_SAFE_INTEGER).default(0).describe('sequence of the last entry seen'),
  limit: queryInteger(1, AUDIT_ENTRIES_MAX).default(AUDIT_ENTRIES_MAX),
});

export const crlQuerySchema = z.strictObject({
  since: queryInteger(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('number of the list that the caller has; it gets the whole list all the same'),
});

export const auditResponseSchema = z
  .object({
    entries: z.array(
      z.object({
        sequence: z.int(),
        at: z.iso.datetime(),
        actor: z.string(),
        action: z.string(),
        subject: z.string(),
        detail: z.array(z.object({ name: z.string(), value: z.string() })),
        previous_hash: z.string(),
        hash: z.string(),
      }),
    ),
    next: z.int().nullable().describe('`after` for the next page; null at the end'),
  })
  .meta({ id: 'AuditResponse' });

export type AuditResponse = z.infer<typeof auditResponseSchema>;

/** Base64 of the largest message. */
export const MESSAGE_CHARS_MAX = 32 * 1024;

export const alarmRequestSchema = z
  .object({
    kept: z.string().max(MESSAGE_CHARS_MAX).describe('the message that the node holds, COSE_Sign1 in base64'),
    refused: z
      .string()
      .max(MESSAGE_CHARS_MAX)
      .describe('another content under the same id; or a record of this node that another process signed'),
  })
  .meta({ id: 'AlarmRequest' });

export const adminRequestSchema = z
  .object({
    name: z.string().min(1).max(63).describe('lower-case letters, digits and inner hyphens'),
    csr: z.string().describe(`PKCS#10, PEM or base64 DER, at most ${CSR_CHARS_MAX} characters`),
  })
  .meta({ id: 'AdministratorRequest' });

export const adminResponseSchema = z
  .object({
    name: z.string(),
    serial: z.string(),
    not_after: instant,
    certificate: z.string().describe('leaf, then intermediate; PEM'),
  })
  .meta({ id: 'AdministratorResponse' });

export const administratorsResponseSchema = z
  .object({
    administrators: z.array(
      z.object({
        name: z.string(),
        credential: z.enum(['access-key', 'certificate']),
        id: z.string().describe('the access key id, or the serial of the certificate'),
        role: z.string(),
        status: z.enum(['active', 'revoked', 'expired']),
        created_at: instant.optional(),
        not_after: instant.optional(),
      }),
    ),
  })
  .meta({ id: 'AdministratorsResponse' });

export type AdministratorsResponse = z.infer<typeof administratorsResponseSchema>;

export const administratorRemovedSchema = z
  .object({ access_key_ids: z.array(z.string()), serials: z.array(z.string()).describe('of revoked certificates') })
  .meta({ id: 'AdministratorRemoved' });

export type AdministratorRemoved = z.infer<typeof administratorRemovedSchema>;

/** Characters of a public key of P-256 in PEM, with room for line ends. */
export const PUBLIC_KEY_CHARS_MAX = 512;

export const accessKeyRequestSchema = z
  .object({
    name: z.string().min(1).max(63).describe('of the administrator'),
    role: z.string().max(31).optional().describe('administrator (default) or auditor, who may change nothing'),
    access_key_id: z.string().max(64).describe('16 to 64 capitals and digits, never used before'),
    public_key: z
      .string()
      .max(PUBLIC_KEY_CHARS_MAX)
      .describe('PEM; the key that SigV4A derives from the access key. The secret stays with its maker'),
  })
  .meta({ id: 'AccessKeyRequest' });

export const accessKeyResponseSchema = z
  .object({
    access_key_id: z.string(),
    name: z.string(),
    role: z.string(),
    service: z.string(),
    region: z.string(),
  })
  .meta({ id: 'AccessKeyResponse', description: 'with what its requests are to be signed' });

export type AccessKeyResponse = z.infer<typeof accessKeyResponseSchema>;

export const epochResponseSchema = z.object({ epoch: z.int() }).meta({ id: 'EpochResponse' });

export const clockResponseSchema = z.object({ accepted_at: instant }).meta({ id: 'ClockResponse' });

export const healthSchema = z
  .object({ status: z.literal('ok'), mesh: z.string(), version: z.string() })
  .meta({ id: 'Health' });
