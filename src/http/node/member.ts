import type { FastifyReply, FastifyRequest } from 'fastify';
import { BoundedMap } from '../../base/bounded.ts';
import { MeshError } from '../../base/errors.ts';
import { type BucketRate, TokenBucket } from '../../base/token-bucket.ts';
import type { PeerIdentity } from '../../engine/link.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { type HttpApp, socketOf } from '../server.ts';
import type { MemberDeps } from './node-service.ts';

/** Requests of one member. Its messages have budgets of their own behind this. */
export const MEMBER_RATE: BucketRate = Object.freeze({ tokensPerSecond: 100, burstTokens: 1_000 });
/** Members whose requests are counted; one that is forgotten has a full bucket again. */
const MEMBERS_MAX = 4_096;

/**
 * Lets members in and nobody else, before a byte of a body is read. Who showed no certificate is told so. A member is
 * judged again at each request: one that was revoked or has expired since the handshake hears nothing more.
 */
export function admitMembersOnly(app: HttpApp, { service, memberOf }: MemberDeps): void {
  const budgets = new BoundedMap<NodeId, TokenBucket>(MEMBERS_MAX);
  app.addHook('onRequest', async (request, reply) => {
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
    const now = service.now().mono;
    const budget = budgets.get(member.nodeId) ?? new TokenBucket(MEMBER_RATE, now);
    budgets.set(member.nodeId, budget);
    if (budget.take(now)) return;
    reply.header('retry-after', '1');
    throw new MeshError('ERR_RATE_LIMITED', `more than ${MEMBER_RATE.tokensPerSecond} requests a second`);
  });
  // HTTP/2 has no such header, and Node.js warns about it at every answer.
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.raw.httpVersionMajor >= 2) reply.removeHeader('connection');
  });
}

/** Behind {@link admitMembersOnly} there always is one. */
export function requireMember({ memberOf }: MemberDeps, request: FastifyRequest): PeerIdentity {
  const member = memberOf(request);
  if (member === undefined) throw new MeshError('ERR_CREDENTIAL_REQUIRED', 'this port is for members of the mesh');
  return member;
}
