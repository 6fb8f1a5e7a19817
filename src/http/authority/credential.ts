import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { ADMINISTRATOR_ROLE } from '../../identity/capability.ts';
import { carriesSignature, readSignedRequest, type SignedRequest } from '../../message/request/signed-request.ts';
import type { AcceptedNode } from '../../pki/mesh/judge.ts';
import type { PathRefusal } from '../../pki/path/path-result.ts';
import { clientKeyOf } from '../../base/client-key.ts';
import { socketOf } from '../server.ts';
import { bodyStream, headOf, readBody } from '../signed-body.ts';
import type { AuthorityDeps } from './deps.ts';

/** Who was found asking, until the request is answered. */
const ACTORS = new WeakMap<FastifyRequest, string>();
const NODES = new WeakMap<FastifyRequest, AcceptedNode>();

/** A hook that runs before the body is read: of strangers no byte is parsed. */
type Guard = (request: FastifyRequest, reply: FastifyReply, payload: Readable) => Promise<Readable>;

/**
 * Lets administrators in: by the request's own signature where it carries one, else by the client certificate.
 *
 * @throws ERR_CREDENTIAL_REQUIRED without either, ERR_PATH_..., ERR_REQUEST_... or ERR_FORBIDDEN for what is not enough.
 */
export function requireAdministrator(deps: AuthorityDeps): Guard {
  return async (request, reply, payload) => {
    const credential = deps.credentialOf(request);
    if (credential.tag === 'local') {
      ACTORS.set(request, 'local');
      return payload;
    }
    const head = headOf(request);
    if (carriesSignature(head)) return admitSigned(deps, request, reply, readSignedRequest(head), payload);
    if (credential.tag === 'none') throw noCertificate('of an administrator');
    refuseForeignPage(request);
    const judgement = deps.authority.judgeAdministrator(credential.chain);
    if (judgement.tag === 'refused') {
      const node = deps.authority.judgeNode(credential.chain);
      if (node.tag === 'ok') throw new MeshError('ERR_FORBIDDEN', `node ${node.nodeId} is no administrator`);
      throw refusalError(judgement);
    }
    ACTORS.set(request, `administrator ${judgement.name}`);
    return payload;
  };
}

/** @returns the body again, which its signature covers, for who parses it. */
async function admitSigned(
  deps: AuthorityDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  signed: SignedRequest,
  payload: Readable,
): Promise<Readable> {
  try {
    const admitted = await deps.authority.admitSignedRequest(signed, deps.hosts);
    const body = await readBody(request, reply, payload);
    const isChange = request.method !== 'GET';
    await deps.authority.confirmSignedRequest(admitted, body, isChange);
    const { name, role, accessKeyId } = admitted.key;
    if (isChange && role !== ADMINISTRATOR_ROLE)
      throw new MeshError('ERR_FORBIDDEN', `administrator ${name} is ${role}, who may change nothing`);
    ACTORS.set(request, `administrator ${name} (${accessKeyId})`);
    return bodyStream(body);
  } catch (error) {
    if (isMeshError(error)) await deps.authority.noteRefusedRequest(signed.accessKeyId, error.code, clientOf(request));
    throw error;
  }
}

function clientOf(request: FastifyRequest): string {
  return clientKeyOf(socketOf(request).remoteAddress);
}

/** For what only the owner of the directory may ask, whoever else is an administrator. @throws ERR_FORBIDDEN */
export function requireLocal(deps: AuthorityDeps): Guard {
  return async (request, _reply, payload) => {
    if (deps.credentialOf(request).tag !== 'local')
      throw new MeshError('ERR_FORBIDDEN', 'this is answered on the control socket of the authority only');
    ACTORS.set(request, 'local');
    return payload;
  };
}

/** Who {@link requireAdministrator} found asking, as the audit log names it. */
export function actorOf(request: FastifyRequest): string {
  return ACTORS.get(request) ?? 'unknown';
}

/** @throws as {@link requireAdministrator}, for whoever is not a node of the mesh. */
export function requireNode(deps: AuthorityDeps): Guard {
  return async (request, _reply, payload) => {
    const credential = deps.credentialOf(request);
    if (credential.tag !== 'certificate') throw noCertificate('of a node');
    const judgement = deps.authority.judgeNode(credential.chain);
    if (judgement.tag === 'refused') throw refusalError(judgement);
    NODES.set(request, judgement);
    return payload;
  };
}

/** The node that {@link requireNode} found asking. */
export function nodeOf(request: FastifyRequest): AcceptedNode {
  const node = NODES.get(request);
  if (node === undefined) throw new MeshError('ERR_INTERNAL', 'nobody looked who asks');
  return node;
}

/**
 * A browser shows an administrator's certificate to whatever page asks it to (cross-site request forgery). Pages of
 * other sites say where they are from; programs say nothing.
 */
function refuseForeignPage({ headers }: FastifyRequest): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const isForeign =
    (origin !== undefined && origin !== `https://${host}`) || site === 'cross-site' || site === 'same-site';
  if (isForeign) throw new MeshError('ERR_FORBIDDEN', 'a page of another site may not act as administrator');
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
