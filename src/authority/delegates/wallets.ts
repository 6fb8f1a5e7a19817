import { type Bytes, fromHex, toHex } from '../../base/bytes.ts';
import { MeshError, quoted } from '../../base/errors.ts';
import { toRfc3339, type UnixMs, unixMsFromSeconds, unixSeconds } from '../../base/time.ts';
import { WALLET_ADDRESS_BYTES } from '../../crypto/secp256k1/wallet-address.ts';
import { WALLETS_MAX } from '../../identity/delegate/delegations.ts';
import { isScopeWithin, type Scope } from '../../identity/delegate/scope.ts';
import { WALLET_DELEGATE_MS_MAX } from '../../identity/delegate/statement.ts';
import { parseWalletEpoch } from '../../message/river/wallet-epoch.ts';
import { appendAudit } from '../audit-trail.ts';
import { tooWide } from './branches.ts';
import type { AuthorityCore } from '../core.ts';

/**
 * Lets a wallet's delegates speak in this mesh until then, or no longer (`lifeMs` 0: then nothing is asked of the scope, for
 * whatever the policy says by now, a wallet can be stopped). Answers with the list's number.
 * @throws ERR_DELEGATE_SCOPE for more than the policy's `delegateScope`, and for too many wallets; ERR_DELEGATE_UNKNOWN where
 *   a wallet is to be stopped that was never let in: it was another that was meant.
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
  const isGranted = wish.lifeMs > 0;
  if (isGranted && !isScopeWithin(wish.scope, core.policy.delegateScope))
    throw tooWide(wish.scope, 'a delegate of this mesh');
  const notAfter = unixMsFromSeconds(unixSeconds((at + wish.lifeMs) as UnixMs));
  await core.store.transact(async (tx) => {
    const wallets = await tx.listWallets();
    const others = wallets.filter((row) => row.notAfter > at && row.address !== address);
    if (isGranted && others.length >= WALLETS_MAX)
      throw new MeshError('ERR_DELEGATE_SCOPE', `${WALLETS_MAX} wallets may speak already`);
    const known = wallets.find((row) => row.address === address);
    if (!isGranted && known === undefined)
      throw new MeshError('ERR_DELEGATE_UNKNOWN', `wallet 0x${address} was never let in here`);
    await tx.putWallet({ address, scope: wish.scope, notAfter, revokedBelow: known?.revokedBelow });
    await appendAudit(tx, {
      at,
      actor,
      action: isGranted ? 'wallet-granted' : 'wallet-revoked',
      subject: `0x${address}`,
      detail: { scope: wish.scope.join(' '), until: toRfc3339(notAfter) },
    });
  });
  return (await core.crls.publishNow()).number;
}

/**
 * Publishes what a wallet says of its delegates: those that end before an instant are void (S3.15). The wallet's signature
 * is enough, whoever brings it; an earlier statement changes nothing. Answers with the list's number.
 *
 * @throws ERR_EPOCH_...; ERR_DELEGATE_UNKNOWN for a wallet that was never let in; ERR_DELEGATE_EPOCH where it lies so far
 *   ahead that no delegate of this mesh could end later.
 */
export async function revokeBelowWalletEpoch(core: AuthorityCore, statement: Bytes, actor: string): Promise<number> {
  const { address: bytes, below } = parseWalletEpoch(statement);
  const at = core.clock.wall();
  if (below > at + WALLET_DELEGATE_MS_MAX)
    throw new MeshError('ERR_DELEGATE_EPOCH', `no delegate of a mesh ends after ${toRfc3339(below)}`);
  const address = toHex(bytes);
  await core.store.transact(async (tx) => {
    const row = (await tx.listWallets()).find((candidate) => candidate.address === address);
    if (row === undefined) throw new MeshError('ERR_DELEGATE_UNKNOWN', `wallet 0x${address} was never let in here`);
    if (below <= (row.revokedBelow ?? 0)) return;
    await tx.putWallet({ ...row, revokedBelow: below });
    await appendAudit(tx, {
      at,
      actor,
      action: 'wallet-epoch-raised',
      subject: `0x${address}`,
      detail: { below: toRfc3339(below) },
    });
  });
  return (await core.crls.publishNow()).number;
}
