import { z } from 'zod';
import { DELEGATE_LIFE_MS_MAX, STATEMENT_BYTES_MAX } from '../identity/delegate/statement.ts';
import { SCOPE_ENTRIES_MAX } from '../identity/delegate/scope.ts';
import { MNEMONIC_CHARS_MAX } from '../identity/key-tree/mnemonic.ts';
import { SECOND_MS } from '../base/time.ts';

/** Bodies of the authority's HTTP interface about delegates and the key tree (spec 09 delegates). */

const instant = z.iso.datetime().describe('RFC 3339, UTC');
const scope = z.array(z.string().min(1).max(80)).min(1).max(SCOPE_ENTRIES_MAX);
const ttlSec = z
  .int()
  .min(1)
  .max(DELEGATE_LIFE_MS_MAX / SECOND_MS);
const base64Statement = z.base64().max(2 * STATEMENT_BYTES_MAX);

export const delegateRequestSchema = z
  .object({
    node_id: z.string().min(1).max(63),
    curve: z.enum(['P-256', 'Ed25519', 'secp256k1']).optional(),
    public_key: z.string().min(64).max(66).optional().describe('hex: a compressed point, or 32 bytes of Ed25519'),
    xpub: z
      .string()
      .min(1)
      .max(112)
      .optional()
      .describe('instead of curve and public_key: a subtree, every child of which may sign'),
    scope,
    ttl_sec: ttlSec.optional().describe('a week by default'),
  })
  .refine(
    (body) => [body.curve, body.public_key].every((member) => (member === undefined) === (body.xpub !== undefined)),
    {
      message: 'expected curve and public_key, or xpub',
    },
  )
  .meta({ id: 'DelegateRequest' });

export const delegateSchema = z
  .object({
    id: z.string(),
    node_id: z.string().describe('the node, or 0x and the address of a wallet'),
    status: z.enum(['active', 'revoked', 'expired', 'void']),
    epoch: z.int().optional(),
    index: z.int().optional(),
    curve: z.string(),
    public_key: z.string(),
    chain_code: z.string().optional().describe('of a subtree'),
    scope: z.array(z.string()).optional(),
    not_before: instant.optional(),
    not_after: instant,
    statement: z.string().describe('base64'),
  })
  .meta({ id: 'Delegate' });

export type DelegateJson = z.infer<typeof delegateSchema>;

export const delegatesResponseSchema = z
  .object({
    epoch_floor: z.int().describe('statements of earlier epochs are void'),
    branches: z.array(
      z.object({
        epoch: z.int(),
        path: z.string(),
        xpub: z.string(),
        scope: z.array(z.string()).describe('what its statements may permit at most'),
        not_before: instant,
        not_after: instant,
      }),
    ),
    wallets: z.array(
      z.object({
        address: z.string(),
        scope: z.array(z.string()),
        not_after: instant,
        revoked_below: instant.optional().describe('its delegates that end before are void'),
      }),
    ),
    delegates: z.array(delegateSchema),
  })
  .meta({ id: 'DelegatesResponse' });

export type DelegatesResponse = z.infer<typeof delegatesResponseSchema>;

export const delegateRevokeSchema = z
  .object({
    id: z.string().min(1).max(32).optional(),
    statement: base64Statement.optional(),
    below_epoch: z.int().min(1).optional(),
  })
  .refine((body) => Object.values(body).filter((value) => value !== undefined).length === 1, {
    message: 'expected one of id, statement and below_epoch',
  })
  .meta({ id: 'DelegateRevokeRequest' });

export const walletRequestSchema = z
  .object({
    address: z.string().min(40).max(42),
    scope,
    ttl_sec: z
      .int()
      .min(0)
      .max(366 * 86_400)
      .describe('0: no longer'),
  })
  .meta({ id: 'WalletRequest' });

export const listedResponseSchema = z
  .object({ crl_number: z.int().describe('of the revocation list that says so') })
  .meta({ id: 'ListedResponse' });

/** On the control socket only: what it answers is worth the whole tree. */
export const treeExportSchema = z.object({
  what: z.enum(['mnemonic', 'xpub', 'xprv']),
  path: z.string().min(1).max(1_024).optional(),
});

export const treeExportedSchema = z.object({ path: z.string().optional(), key: z.string() });

/** On the control socket only: a key of its own for a device that cannot make one. */
export const subtreeCreatedSchema = z.object({ path: z.string(), xpub: z.string(), xprv: z.string() });

/** On the control socket only. */
export const treeImportSchema = z.object({ mnemonic: z.string().min(1).max(MNEMONIC_CHARS_MAX) });

export const treeImportedSchema = z.object({ fingerprint: z.string() });
