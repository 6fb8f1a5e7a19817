import { toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import type { DelegateStatement } from '../../identity/delegate/delegations.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import { parseStatement } from '../../message/delegate-statement.ts';
import { addressText } from '../../message/river/wallet.ts';
import { parseWalletEpoch, type WalletEpoch } from '../../message/river/wallet-epoch.ts';
import { parseStatementPem } from '../../message/statement-pem.ts';
import type { Recognised } from './recognise.ts';
import { type FileVerdict, type VerifyContext, verdictOf } from './verdict.ts';
import { requireLists, verifierIn } from './verifier.ts';

/** Stands in where no mesh is named: what a statement says of itself does not depend on it, only its signature does. */
const NO_MESH = parseMeshName('unknown');

/** A statement in a file, as a node judges it now (spec 09 delegates section 4). */
export function verifyDelegate({ text = '' }: Recognised, context: VerifyContext): FileVerdict {
  let statement: DelegateStatement | undefined;
  const parsed = verdictOf('delegate', {}, () => {
    statement = parseStatement(context.mesh ?? NO_MESH, parseStatementPem(text));
  });
  if (statement === undefined) return parsed;
  const known = statement;
  return verdictOf('delegate', statementFacts(known), () => {
    const mesh = meshOf(context);
    requireLists(context);
    verifierIn(mesh, context).requireStatement(known.bytes, context.now);
  });
}

/**
 * A wallet's word that voids its delegates. The wallet's signature is all that there is to it: nobody else vouches for it,
 * and it has no end.
 */
export function verifyWalletEpoch({ text = '' }: Recognised): FileVerdict {
  let epoch: WalletEpoch | undefined;
  const parsed = verdictOf('wallet-epoch', {}, () => {
    epoch = parseWalletEpoch(parseStatementPem(text));
  });
  if (epoch === undefined) return parsed;
  return { ...parsed, address: addressText(epoch.address), below: toRfc3339(epoch.below) };
}

function meshOf({ mesh }: VerifyContext): MeshName {
  if (mesh !== undefined) return mesh;
  throw new MeshError(
    'ERR_DELEGATE_SIGNATURE',
    'the mesh is not named, so nobody can say what was signed',
    'give --mesh NAME',
  );
}

/** What a statement says of itself, by the names that HTTP bodies have; nothing of it is proved here. */
export function statementFacts(statement: DelegateStatement): object {
  const { id, nodeId, key, notAfter } = statement;
  return {
    id,
    node_id: nodeId,
    issuer: statement.tag,
    curve: key.curve,
    public_key: toHex(key.bytes),
    ...(key.chainCode === undefined ? {} : { chain_code: toHex(key.chainCode) }),
    ...(statement.tag === 'wallet'
      ? {}
      : {
          epoch: statement.epoch,
          index: statement.index,
          scope: statement.scope,
          not_before: toRfc3339(statement.notBefore),
        }),
    not_after: toRfc3339(notAfter),
  };
}
