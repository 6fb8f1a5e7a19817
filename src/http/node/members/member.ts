import type { FastifyReply, FastifyRequest } from 'fastify';
import { Budgets } from '../../../base/budgets.ts';
import { MeshError } from '../../../base/errors.ts';
import type { BucketRate } from '../../../base/token-bucket.ts';
import type { PeerIdentity } from '../../../engine/links/link-end.ts';
import type { NodeId } from '../../../identity/node-id.ts';
import { type HttpApp, socketOf } from '../../server.ts';
import type { MemberDeps } from '../deps.ts';
import { admitSignedMember, isSignedByMember } from './signed-member.ts';

/** Requests of one member. Its messages have budgets of their own behind this. */
export const MEMBER_RATE: BucketRate = Object.freeze({ tokensPerSecond: 100, burstTokens: 1_000 });
/** Members whose requests are counted; one that is forgotten has a full bucket again. */
export const COUNTED_MEMBERS_MAX = 4_096;

/** Who signed a request, until it is answered. */
const SIGNERS = new WeakMap<FastifyRequest, PeerIdentity>();

/** What each member may still ask. */
export function memberBudgets(): Budgets<NodeId> {
  return new Budgets(MEMBER_RATE, COUNTED_MEMBERS_MAX);
}

/**
 * Lets members in and nobody else, before a byte of a body is parsed. Who showed no certificate is told so. A member is
 * judged again at each request: one that was revoked or has expired since the handshake hears nothing more.
 */
export function admitMembersOnly(app: HttpApp, deps: MemberDeps): void {
  const { service, memberOf } = deps;
  const budgets = memberBudgets();
  const spend = (nodeId: NodeId, reply: FastifyReply): void => {
    if (budgets.take(service.now().mono, nodeId)) return;
    reply.header('retry-after', '1');
    throw new MeshError('ERR_RATE_LIMITED', `more than ${MEMBER_RATE.tokensPerSecond} requests a second`);
  };
  app.addHook('onRequest', async (request, reply) => {
    if (isSignedByMember(deps, request)) return; // as soon as its body is there
    const member = memberOf(request);
    if (member === undefined) {
      reply.header('connection', 'close');
      throw new MeshError(
        'ERR_CREDENTIAL_REQUIRED',
        'this port is for members of the mesh',
        'curl: --cert node.pem --key node.key',
      );
    }
    if (service.judge(member.chain, 'tls-client').tag === 'refused') {
      reply.hijack();
      socketOf(request).destroySoon();
      return;
    }
    spend(member.nodeId, reply);
  });
  app.addHook('preParsing', async (request, reply, payload) => {
    if (!isSignedByMember(deps, request)) return payload;
    // Until it has proved to be a member's, each costs a handshake of its own; and forgers spend nobody's budget (T3).
    if (memberOf(request) === undefined) reply.header('connection', 'close');
    const { member, body } = await admitSignedMember(deps, request, reply, payload);
    reply.removeHeader('connection');
    spend(member.nodeId, reply);
    SIGNERS.set(request, member);
    return body;
  });
  // HTTP/2 has no such header, and Node.js warns about it at every answer.
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.raw.httpVersionMajor >= 2) reply.removeHeader('connection');
  });
}

/** Behind {@link admitMembersOnly} there always is one. */
export function requireMember({ memberOf }: MemberDeps, request: FastifyRequest): PeerIdentity {
  const member = SIGNERS.get(request) ?? memberOf(request);
  if (member === undefined) throw new MeshError('ERR_CREDENTIAL_REQUIRED', 'this port is for members of the mesh');
  return member;
}
