import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { z } from 'zod';
import {
  accessKeyRequestSchema,
  alarmRequestSchema,
  AUDIT_ENTRIES_MAX,
  auditQuerySchema,
  MESSAGE_CHARS_MAX,
  PUBLIC_KEY_CHARS_MAX,
  revokeRequestSchema,
  SERIAL_CHARS_MAX,
  TICKET_LIFE_SEC_MAX,
  TICKET_USES_MAX,
  ticketRequestSchema,
} from '../../src/api/authority.ts';
import { checkInResponseSchema } from '../../src/api/enrollment.ts';
import { BASE64_CHARS_MAX, prepareRequestSchema } from '../../src/api/node-gossip.ts';
import {
  MESSAGES_LIMIT_MAX,
  messagesQuerySchema,
  SIGNED_CHARS_MAX,
  signedMessageSchema,
} from '../../src/api/node-programs.ts';
import { parseBody } from '../../src/api/schema.ts';
import {
  BOOTSTRAP_PEERS_MAX,
  parseTicket,
  renderTicket,
  type Ticket,
  TICKET_BYTES_MAX,
  TICKET_FORMAT,
} from '../../src/api/ticket.ts';

const text = (chars: number): string => 'a'.repeat(chars);
const peers = (count: number) => Array.from({ length: count }, (_, i) => ({ node_id: `n${i}`, address: 'h:1' }));

/** What has a bound, what a body of that much looks like, and the bound. */
const BOUNDS: readonly (readonly [name: string, schema: z.ZodType, body: (n: number) => object, max: number])[] = [
  ['entries of the audit log', auditQuerySchema, (n) => ({ limit: String(n) }), AUDIT_ENTRIES_MAX],
  ['the message of an alarm', alarmRequestSchema, (n) => ({ kept: text(n), refused: 'x' }), MESSAGE_CHARS_MAX],
  ['the other message of an alarm', alarmRequestSchema, (n) => ({ kept: 'x', refused: text(n) }), MESSAGE_CHARS_MAX],
  [
    'the public key of an access key',
    accessKeyRequestSchema,
    (n) => ({ name: 'alice', access_key_id: 'A', public_key: text(n) }),
    PUBLIC_KEY_CHARS_MAX,
  ],
  ['a serial number', revokeRequestSchema, (n) => ({ serial: text(n) }), SERIAL_CHARS_MAX],
  ['the life of a ticket', ticketRequestSchema, (n) => ({ ttl_sec: n }), TICKET_LIFE_SEC_MAX],
  ['the uses of a ticket', ticketRequestSchema, (n) => ({ uses: n }), TICKET_USES_MAX],
  [
    'peers of a check-in',
    checkInResponseSchema,
    (n) => ({ crl_number: 1, bootstrap_peers: peers(n) }),
    BOOTSTRAP_PEERS_MAX,
  ],
  [
    'a payload to prepare',
    prepareRequestSchema,
    (n) => ({ type: 'sensor/t', payload: text(n), ttl_sec: 60 }),
    BASE64_CHARS_MAX,
  ],
  ['a message that its author signed', signedMessageSchema, (n) => ({ message: text(n) }), SIGNED_CHARS_MAX],
  ['messages in one answer', messagesQuerySchema, (n) => ({ limit: String(n) }), MESSAGES_LIMIT_MAX],
];

describe('bounds of bodies and queries', () => {
  for (const [name, schema, body, max] of BOUNDS)
    it(`${name}: ${max}`, () => {
      parseBody(schema, body(max));
      assert.throws(() => parseBody(schema, body(max + 1)), { code: 'ERR_INPUT' });
    });
});

describe('a ticket file', () => {
  const ticket: Ticket = {
    format: TICKET_FORMAT,
    mesh: 'depot',
    endpoint: 'https://ca.test:8440',
    trust_anchor: 'PEM',
    token: 'secret',
    expires_at: '2030-01-01T00:00:00Z',
    bootstrap_peers: [],
  };

  it(`names at most ${BOOTSTRAP_PEERS_MAX} peers`, () => {
    const naming = (count: number): Ticket => parseTicket(renderTicket({ ...ticket, bootstrap_peers: peers(count) }));
    assert.equal(naming(BOOTSTRAP_PEERS_MAX).bootstrap_peers.length, BOOTSTRAP_PEERS_MAX);
    assert.throws(() => naming(BOOTSTRAP_PEERS_MAX + 1), { code: 'ERR_TICKET_MALFORMED' });
  });

  for (const [what, spoil] of [
    ['two endpoints', (text) => text.replace('{', '{ "endpoint": "https://other.test:8440",')],
    ['two endpoints, one escaped', (text) => text.replace('{', '{ "endpo\\u0069nt": "https://other.test:8440",')],
    ['a member __proto__', (text) => text.replace('{', '{ "__proto__": { "roles": ["all"] },')],
    ['half a character', (text) => text.replace('"secret"', '"secret\\ud800"')],
  ] as const satisfies readonly (readonly [string, (text: string) => string])[])
    it(`has not ${what}: two programs could read two tickets`, () => {
      const spoiled = spoil(renderTicket(ticket));
      assert.equal(typeof JSON.parse(spoiled), 'object');
      assert.throws(() => parseTicket(spoiled), { code: 'ERR_TICKET_MALFORMED' });
    });

  it(`has at most ${TICKET_BYTES_MAX} characters`, () => {
    const padded = (chars: number): string => renderTicket(ticket).padEnd(chars, ' ');
    assert.deepEqual(parseTicket(padded(TICKET_BYTES_MAX)), ticket);
    assert.throws(() => parseTicket(padded(TICKET_BYTES_MAX + 1)), { code: 'ERR_TICKET_MALFORMED', message: /longer/ });
  });
});
