import { z } from 'zod';
import { MeshError, messageOf } from '../base/errors.ts';
import { parseJson } from '../codec/json.ts';
import { describeIssue } from './schema.ts';

/** Marks the file, and its version. */
export const TICKET_FORMAT = 'chainmail-ticket-1';

/** Bytes of a ticket file: an anchor of 2 KiB, some peers, and room. */
export const TICKET_BYTES_MAX = 64 * 1024;

/** Peers that a ticket, an enrolment or a check-in names. Three would do for a start; the rest is for those that are away. */
export const BOOTSTRAP_PEERS_MAX = 8;

export const bootstrapPeerSchema = z
  .object({ node_id: z.string().max(63), address: z.string().max(300).describe('HOST:PORT') })
  .meta({ id: 'BootstrapPeer', description: 'a node and where it was last seen; a hint, never a proof' });

export type BootstrapPeer = z.infer<typeof bootstrapPeerSchema>;

/** Where an authority is reached. */
export const endpointSchema = z.url({ protocol: /^https$/ }).max(300);

export const ticketSchema = z
  .object({
    format: z.literal(TICKET_FORMAT),
    mesh: z.string().max(31),
    endpoint: endpointSchema.describe('https://HOST:PORT'),
    trust_anchor: z.string().max(32_768).describe('the root certificate, PEM'),
    token: z.string().min(1).max(256).describe('the secret; whoever has it can enrol'),
    expires_at: z.iso.datetime(),
    bootstrap_peers: z.array(bootstrapPeerSchema).max(BOOTSTRAP_PEERS_MAX),
    node_id: z.string().max(63).optional().describe('the chosen name that the ticket grants'),
    roles: z.array(z.string().max(31)).max(16).optional(),
  })
  .meta({ id: 'Ticket', description: 'everything that a node needs to enrol, in one file' });

/** An enrolment ticket: one file to carry to a node. */
export type Ticket = z.infer<typeof ticketSchema>;

/** @throws ERR_TICKET_MALFORMED */
export function parseTicket(text: string): Ticket {
  if (text.length > TICKET_BYTES_MAX)
    throw new MeshError('ERR_TICKET_MALFORMED', `ticket is longer than ${TICKET_BYTES_MAX} characters`);
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new MeshError('ERR_TICKET_MALFORMED', `ticket: ${messageOf(error)}`);
  }
  const parsed = ticketSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new MeshError('ERR_TICKET_MALFORMED', `ticket ${describeIssue(parsed.error)}`);
}

/** As the file has it: pretty-printed, one member a line. */
export function renderTicket(ticket: Ticket): string {
  const { format, mesh, endpoint, trust_anchor, token, expires_at, bootstrap_peers, node_id, roles } = ticket;
  const ordered = { format, mesh, endpoint, trust_anchor, token, expires_at, bootstrap_peers, node_id, roles };
  const lines = Object.entries(ordered)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}
