import { fromHex } from '../base/bytes.ts';
import { MeshError, quoted } from '../base/errors.ts';
import { toRfc3339, type UnixMs, unixMsFromSeconds, unixSeconds } from '../base/time.ts';
import { WALLET_ADDRESS_BYTES } from '../crypto/wallet-address.ts';
import { WALLETS_MAX } from '../identity/delegate/delegations.ts';
import { isWithin, type Scope } from '../identity/delegate/scope.ts';
import { appendAudit } from './audit-trail.ts';
import { tooWide } from './branches.ts';
import type { AuthorityCore } from './core.ts';

/**
 * Lets a wallet's delegates speak in this mesh until then, or no longer (`lifeMs` 0). Answers with the list's number.
 * @throws ERR_DELEGATE_SCOPE for more than the policy's `delegateScope`, and for too many wallets.
 */
export async function grantWallet(
  core: AuthorityCore,
  wish: { readonly address: string; readonly scope: Scope; readonly lifeMs: number },
  actor: string,
): Promise<number> {
  const at = core.clock.wall();
  const address = wish.address.replace(/^0x/i, '').toLowerCase();
  if (fromHex(address).length !== WALLET_ADDRESS_BYTES)
    throw new MeshError(
      'ERR_INPUT',
      `${quoted(wish.address)} is no address of a wallet: expected 0x and 40 hex digits`,
    );
  if (!isWithin(wish.scope, core.policy.delegateScope)) throw tooWide(wish.scope, 'a delegate of this mesh');
  const notAfter = unixMsFromSeconds(unixSeconds((at + wish.lifeMs) as UnixMs));
  await core.store.transact(async (tx) => {
    const others = (await tx.listWallets()).filter((row) => row.notAfter > at && row.address !== address);
    if (others.length >= WALLETS_MAX)
      throw new MeshError('ERR_DELEGATE_SCOPE', `${WALLETS_MAX} wallets may speak already`);
    await tx.putWallet({ address, scope: wish.scope, notAfter });
    await appendAudit(tx, {
      at,
      actor,
      action: wish.lifeMs > 0 ? 'wallet-granted' : 'wallet-revoked',
      subject: `0x${address}`,
      detail: { scope: wish.scope.join(' '), until: toRfc3339(notAfter) },
    });
  });
  return (await core.crls.publishNow()).number;
}
