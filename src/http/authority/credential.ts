import type { FastifyRequest } from 'fastify';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { AcceptedNode, PathJudgement } from '../../pki/judge.ts';
import type { PathRefusal } from '../../pki/path-result.ts';
import type { AuthorityDeps } from './routes.ts';

/** What a connection proves about who asks. */
export type Credential =
  | { readonly tag: 'none' }
  /** The control socket: only the owner of the directory can open it. */
  | { readonly tag: 'local' }
  /** Leaf first, DER; the handshake proved the leaf's key, nothing is judged yet. */
  | { readonly tag: 'certificate'; readonly chain: readonly Bytes[] };

/**
 * Runs before the body is read: who is not an administrator gets no byte of it parsed.
 * @returns who asks, as the audit log names it.
 * @throws ERR_CREDENTIAL_REQUIRED without a certificate, ERR_PATH_... for one that does not hold.
 */
export function requireAdministrator(deps: AuthorityDeps): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const credential = deps.credentialOf(request);
    if (credential.tag === 'local') return nameActor(request, 'local');
    if (credential.tag === 'none') throw noCertificate('of an administrator');
    const judgement = deps.authority.judgeAdministrator(credential.chain);
    if (judgement.tag === 'refused') {
      const node = deps.authority.judgeNode(credential.chain);
      if (node.tag === 'ok') throw new MeshError('ERR_FORBIDDEN', `node ${node.nodeId} is no administrator`);
      throw refusalError(judgement);
    }
    nameActor(request, `administrator ${judgement.name}`);
  };
}

/** @throws as {@link requireAdministrator}, for whoever is not a node of the mesh. */
export function requireNode(deps: AuthorityDeps, request: FastifyRequest): AcceptedNode {
  const credential = deps.credentialOf(request);
  if (credential.tag !== 'certificate') throw noCertificate('of a node');
  const judgement: PathJudgement = deps.authority.judgeNode(credential.chain);
  if (judgement.tag === 'refused') throw refusalError(judgement);
  return judgement;
}

const ACTORS = new WeakMap<FastifyRequest, string>();

/** Who {@link requireAdministrator} found asking. */
export function actorOf(request: FastifyRequest): string {
  return ACTORS.get(request) ?? 'unknown';
}

function nameActor(request: FastifyRequest, actor: string): void {
  ACTORS.set(request, actor);
}

function noCertificate(whose: string): MeshError {
  return new MeshError(
    'ERR_CREDENTIAL_REQUIRED',
    `this call needs the client certificate ${whose}`,
    'curl: --cert FILE --key FILE',
  );
}

function refusalError({ code, message }: PathRefusal): MeshError {
  return new MeshError(code, message);
}
