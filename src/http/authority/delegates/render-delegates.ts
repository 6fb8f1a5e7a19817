import type { DelegateJson, DelegatesResponse } from '../../../api/delegates.ts';
import { type DelegatesOverview, delegateStatusOf } from '../../../authority/delegates/delegates.ts';
import { toBase64, toHex } from '../../../base/bytes.ts';
import { toRfc3339, type UnixMs } from '../../../base/time.ts';
import { branchPath } from '../../../identity/delegate/branch.ts';
import type { DelegateStatement } from '../../../identity/delegate/delegations.ts';
import { formatPath } from '../../../identity/key-tree/derivation-path.ts';
import type { MeshName } from '../../../identity/mesh-name.ts';
import { parseStatement } from '../../../message/delegate-statement.ts';

/** What is published of delegates, and what became of each. */
export function delegatesJson(mesh: MeshName, overview: DelegatesOverview, now: UnixMs): DelegatesResponse {
  const { epochFloor, branches, delegates, wallets } = overview;
  return {
    epoch_floor: epochFloor,
    branches: branches.map(({ epoch, xpub, scope, notBefore, notAfter }) => ({
      epoch,
      path: formatPath(branchPath(mesh, epoch)),
      xpub,
      scope: [...scope],
      not_before: toRfc3339(notBefore),
      not_after: toRfc3339(notAfter),
    })),
    wallets: wallets.map(({ address, scope, notAfter, revokedBelow }) => ({
      address: `0x${address}`,
      scope: [...scope],
      not_after: toRfc3339(notAfter),
      ...(revokedBelow === undefined ? {} : { revoked_below: toRfc3339(revokedBelow) }),
    })),
    delegates: delegates.map((row) =>
      statementJson(parseStatement(mesh, row.statement), row.revokedAt, epochFloor, now),
    ),
  };
}

export function statementJson(
  statement: DelegateStatement,
  revokedAt: UnixMs | undefined,
  epochFloor: number,
  now: UnixMs,
): DelegateJson {
  const { id, nodeId, key, notAfter, bytes } = statement;
  const ofTree =
    statement.tag === 'wallet'
      ? {}
      : {
          epoch: statement.epoch,
          index: statement.index,
          scope: [...statement.scope],
          not_before: toRfc3339(statement.notBefore),
        };
  return {
    id,
    node_id: nodeId,
    status: delegateStatusOf(statement, revokedAt, epochFloor, now),
    ...ofTree,
    curve: key.curve,
    public_key: toHex(key.bytes),
    ...(key.chainCode === undefined ? {} : { chain_code: toHex(key.chainCode) }),
    not_after: toRfc3339(notAfter),
    statement: toBase64(bytes),
  };
}
