import { z } from 'zod';
import { CSR_CHARS_MAX } from '../pki/x509/certificate/csr.ts';
import { BOOTSTRAP_PEERS_MAX, bootstrapPeerSchema } from './ticket.ts';

/**
 * Bodies of what a node asks of its authority. They lie apart from those of administrators, because schemas take memory: a
 * node that runs for months loads these alone.
 */

export const nodeIdSchema = z.string().min(1).max(63);

export const attestationSchema = z
  .object({ type: z.string().min(1).max(64), payload: z.string().max(49_152).optional().describe('base64') })
  .meta({ id: 'Attestation', description: 'evidence about the platform (RFC 9334)' });

export const enrollRequestSchema = z
  .object({
    // Of any length: whatever is no token and no request is refused by what it is not, in one way (T7).
    token: z.string().describe('from the ticket'),
    csr: z.string().describe(`PKCS#10, PEM or base64 DER, at most ${CSR_CHARS_MAX} characters`),
    attestation: attestationSchema.optional(),
    node_id: nodeIdSchema.optional().describe('the name asked for; by default the ticket’s, else derived from the key'),
  })
  .meta({ id: 'EnrollRequest' });

export const meshConfigSchema = z
  .object({
    mesh: z.string(),
    node_id: z.string(),
    bootstrap_peers: z.array(bootstrapPeerSchema).max(BOOTSTRAP_PEERS_MAX),
    gossip_fanout: z.int().min(1).max(16),
    crl_url: z.url(),
  })
  .meta({ id: 'MeshConfig', description: 'what a node needs to join' });

export type MeshConfig = z.infer<typeof meshConfigSchema>;

export const enrollResponseSchema = z
  .object({
    node_id: z.string(),
    certificate: z.string().describe('leaf, then intermediate; PEM'),
    ca_cert: z.string().describe('intermediate and root; PEM'),
    config: meshConfigSchema,
  })
  .meta({ id: 'EnrollResponse' });

export type EnrollResponse = z.infer<typeof enrollResponseSchema>;

export const checkInRequestSchema = z
  .object({
    address: z.string().min(1).max(300).optional().describe('HOST:PORT where other nodes may reach this one'),
    crl_number: z.int().min(0).describe('of the newest CRL that the node enforces; 0 for none'),
    version: z.string().min(1).max(64),
  })
  .meta({ id: 'CheckInRequest' });

export const checkInResponseSchema = z
  .object({ crl_number: z.int(), bootstrap_peers: z.array(bootstrapPeerSchema).max(BOOTSTRAP_PEERS_MAX) })
  .meta({ id: 'CheckInResponse' });

export type CheckInResponse = z.infer<typeof checkInResponseSchema>;
