import { type Bytes, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { toRfc3339 } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { checkX509Signature } from '../../crypto/x509-signature.ts';
import { ChainBook } from '../../engine/chain-book.ts';
import { DelegateBook } from '../../engine/delegate-book.ts';
import { Origins, type OriginVerdict } from '../../engine/origins.ts';
import { Revocations } from '../../engine/revocations.ts';
import type { DelegateStatement } from '../../identity/delegate/delegations.ts';
import { type MeshName, parseMeshName } from '../../identity/mesh-name.ts';
import { parseStatement } from '../../message/delegate-statement.ts';
import type { Message } from '../../message/message.ts';
import { parseDelegatePem } from '../delegate-files.ts';
import { issuerOfCrl, requirePath } from './certificate.ts';
import type { Recognised } from './recognise.ts';
import { type FileVerdict, type VerifyContext, verdictOf } from './verdict.ts';

/** Stands in where no mesh is named: what a statement says of itself does not depend on it, only its signature does. */
const NO_MESH = parseMeshName('unknown');

/** A statement in a file, as a node judges it now (spec 09 section 4). */
export function verifyDelegate({ text = '' }: Recognised, context: VerifyContext): FileVerdict {
  let statement: DelegateStatement | undefined;
  const parsed = verdictOf('delegate', {}, () => {
    statement = parseStatement(context.mesh ?? NO_MESH, parseDelegatePem(text));
  });
  if (statement === undefined) return parsed;
  const known = statement;
  return verdictOf('delegate', statementFacts(known), () => {
    const origins = originsOf(meshOf(context), context);
    const hash = learn(origins, known.bytes, context);
    const judged = origins.judgeHeld({ origin: known.nodeId, leafKey: hash, issuedAt: context.now });
    if (judged.tag !== 'ok') throw refusalOf(judged, known.id);
  });
}

/** The part of a message's judgement that is about its delegate. @throws ERR_MESSAGE_..., ERR_DELEGATE_... */
export function requireDelegate(message: Message, mesh: MeshName, context: VerifyContext): void {
  const statement = message.delegate?.statement;
  if (statement === undefined)
    throw new MeshError(
      'ERR_MESSAGE_UNKNOWN_ORIGIN',
      'the message names the statement of its delegate and does not bring it',
      'the first message of the stream does',
    );
  const origins = originsOf(mesh, context);
  learn(origins, statement, context);
  const judged = origins.judge(message);
  if (judged.tag !== 'ok') throw refusalOf(judged, parseStatement(mesh, statement).id);
  if (!judged.keyOf(message.incarnation).verify(message.algorithm, message.signedBytes, message.signature))
    throw new MeshError('ERR_MESSAGE_SIGNATURE', 'the delegate’s key has not signed this message');
  const needed = judged.lacks(message.type);
  if (needed !== undefined)
    throw new MeshError('ERR_MESSAGE_NOT_PERMITTED', `${message.type.text} needs ${needed}, which its scope has not`);
}

/** What a node knows that trusts these anchors and has these lists, and nothing else. */
function originsOf(mesh: MeshName, context: VerifyContext): Origins {
  const { anchors, others, crls } = context;
  if (anchors.length === 0 || crls.length === 0)
    throw new MeshError(
      'ERR_DELEGATE_BRANCH',
      'who may vouch for delegates stands in the revocation list of the mesh',
      'give the trust anchor and the newest list: --ca FILE --crl FILE',
    );
  const trust = { mesh, anchors, checkSignature: checkX509Signature };
  const revocations = new Revocations(trust);
  for (const crl of crls) {
    const issuer = issuerOfCrl(crl, [...anchors, ...others]);
    requirePath([issuer], { ...context, crls: [] });
    revocations.learnIssuers([issuer, issuer]);
    revocations.install(crl.der);
  }
  const chains = new ChainBook(trust, revocations);
  return new Origins(chains, new DelegateBook(mesh, revocations, (nodeId) => chains.isRevoked(nodeId), undefined));
}

/** @returns the hash by which the statement is known now. */
function learn({ delegates }: Origins, statement: Bytes, { now }: VerifyContext): string {
  const added = delegates.add(statement, now);
  if (added.tag !== 'known') throw added.why;
  return sha256Hex(statement);
}

function refusalOf(judged: Exclude<OriginVerdict, { readonly tag: 'ok' }>, id: string): MeshError {
  const why = judged.tag === 'unknown' ? undefined : judged.why;
  return why instanceof MeshError ? why : new MeshError('ERR_DELEGATE_UNKNOWN', why ?? `delegate ${id} is not known`);
}

function meshOf({ mesh }: VerifyContext): MeshName {
  if (mesh !== undefined) return mesh;
  throw new MeshError(
    'ERR_DELEGATE_SIGNATURE',
    'the mesh is not named, so nobody can say what was signed',
    'give --mesh NAME',
  );
}

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
