import type { TestContext } from 'node:test';
import { createServer } from 'node:http';
import { clientKeyOf } from '../../../src/base/client-key.ts';
import { HOUR_MS, type MonotonicMs, type UnixMs, unixSeconds } from '../../../src/base/time.ts';
import { HttpCarrier, memberOf } from '../../../src/host/http/carrier.ts';
import { type ClientAnswer, type ClientRequestOptions, exchange } from '../../../src/host/http/client.ts';
import { systemClock } from '../../../src/host/machine/system-clock.ts';
import { addMemberRoutes, addProgramRoutes } from '../../../src/http/node/routes.ts';
import { RequestTurns } from '../../../src/http/request-turns.ts';
import { createHttpApp, type HttpApp, socketOf } from '../../../src/http/server.ts';
import { parseAudience } from '../../../src/message/audience.ts';
import { parseMessageType } from '../../../src/message/family.ts';
import { assembleMessage, composeMessage, type Message } from '../../../src/message/message.ts';
import type { Member, StartOptions, TestMesh, TestNode } from '../../support/mesh/nodes-on-loopback.ts';

/** A node whose port serves members' HTTP as a real one does. */
export async function startServing(
  t: Pick<TestContext, 'after'>,
  mesh: TestMesh,
  options: StartOptions & { readonly signedHosts?: readonly string[] } = {},
): Promise<TestNode> {
  const node = await mesh.start(t, { ...options, onHttp: (socket, member) => carrier.handOver(socket, member) });
  const { shares } = node.host;
  const now = (): MonotonicMs => systemClock.monotonic();
  const carrier = new HttpCarrier(shares, now);
  const unexpected = node.unexpected as unknown[];
  const app = await createHttpApp({
    createServer: carrier.createServer,
    rate: undefined,
    turns: new RequestTurns({
      clientOf: (socket) => memberOf(socket)?.nodeId ?? clientKeyOf(socket.remoteAddress),
      shares,
      now,
    }),
    onUnexpected: (error) => unexpected.push(error),
  });
  addMemberRoutes(app, {
    service: node.host,
    memberOf: (request) => memberOf(socketOf(request)),
    signedHosts: options.signedHosts ?? [],
  });
  await app.ready();
  t.after(async () => {
    carrier.close();
    await app.close();
  });
  return node;
}

/** The node's API for programs, without a socket. */
export async function programsOf(
  t: Pick<TestContext, 'after'>,
  node: TestNode,
  leave = (): void => {},
  certificate: { readonly notBefore?: UnixMs; readonly notAfter?: UnixMs } = {},
  isRevoked = (): boolean => false,
): Promise<HttpApp> {
  const app = await createHttpApp({ createServer, rate: undefined });
  const facts = {
    name: 'test',
    version: '1.2.3',
    startedAt: systemClock.wall(),
    certificate: {
      serial: 'ab',
      notBefore: systemClock.wall(),
      notAfter: (systemClock.wall() + HOUR_MS) as UnixMs,
      ...certificate,
    },
    isRevoked,
    clockBehindMs: () => 0,
    addresses: () => [node.address],
  };
  addProgramRoutes(app, { service: node.host, facts, leave });
  t.after(() => app.close());
  return app;
}

export interface Answer extends ClientAnswer {
  readonly json: Readonly<Record<string, unknown>>;
}

/** Asks a node as a member does with `curl --cert`. */
export async function ask(
  mesh: TestMesh,
  node: TestNode,
  member: Member | undefined,
  options: ClientRequestOptions,
): Promise<Answer> {
  const answer = await exchange(
    {
      tag: 'tls',
      endpoint: `https://${node.address}`,
      trustAnchors: [mesh.rootPem],
      serverName: `${node.nodeId}.${mesh.mesh}`,
      ...(member === undefined ? {} : { client: member.tls }),
    },
    options,
  );
  const text = new TextDecoder().decode(answer.body);
  return { ...answer, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

export interface Saying {
  readonly type?: string;
  readonly payload?: Uint8Array;
  readonly counter?: number;
  readonly incarnation?: number;
  readonly issuedAt?: number;
  readonly lifeMs?: number;
  readonly audience?: string;
  readonly contentType?: string;
  readonly origin?: Member;
}

export const INDICATOR = new TextEncoder().encode('{"kind":"hash","value":"00ff","risk":50}');

/** A message that a member signs itself. */
export async function signed(
  { mesh }: Pick<TestMesh, 'mesh'>,
  member: Pick<Member, 'nodeId' | 'chain' | 'signer'>,
  what: Saying = {},
): Promise<Message> {
  const issuedAt = Math.floor((what.issuedAt ?? systemClock.wall()) / 1_000) * 1_000;
  const type = parseMessageType(what.type ?? 'indicator');
  const composed = composeMessage(mesh, {
    algorithm: 'ES256',
    type,
    contentType: what.contentType ?? type.contentType,
    origin: (what.origin ?? member).nodeId,
    audience: what.audience === undefined ? undefined : parseAudience(what.audience),
    incarnation: what.incarnation ?? unixSeconds(systemClock.wall()),
    counter: what.counter ?? 0,
    issuedAt: issuedAt as UnixMs,
    expiresAt: (issuedAt + (what.lifeMs ?? HOUR_MS)) as UnixMs,
    voucherHash: (member.chain[0] as { readonly fingerprint: Uint8Array }).fingerprint,
    payload: what.payload ?? INDICATOR,
  });
  return assembleMessage(composed, await member.signer.sign(composed.toBeSigned));
}
