import { createServer } from 'node:http';
import { type Bytes, toBase64, utf8 } from '../../../../src/base/bytes.ts';
import {
  after,
  HOUR_MS,
  type MonotonicMs,
  type UnixMs,
  unixMsFromSeconds,
  unixSeconds,
} from '../../../../src/base/time.ts';
import type { Credential } from '../../../../src/http/authority/deps.ts';
import type { NodeService } from '../../../../src/http/node/deps.ts';
import { addMemberRoutes, addProgramRoutes } from '../../../../src/http/node/routes.ts';
import { createHttpApp } from '../../../../src/http/server.ts';
import { parseMessageType } from '../../../../src/message/family.ts';
import { assembleMessage, composeMessage } from '../../../../src/message/message.ts';
import { authorityApp } from '../../../http/authority/support.ts';
import { csrPem, enrollmentOf, newSigner, newToken } from '../../mesh/authority-world.ts';
import { INDICATOR } from '../../mesh/mesh-fixture.ts';
import { TestMesh, type TestNode } from '../../mesh/nodes-on-loopback.ts';
import { feedRequest, mutateRequest, requestOf } from './http-request.ts';
import type { FuzzSubject, FuzzTarget } from '../target.ts';

const INPUTS = 1_200;
const MILLION = 1_000_000;
/** Tickets, certificates and messages that fuzzing makes are kept; so a subject is thrown away now and then. */
const PER_SUBJECT = 2_000;

/** Each request from another address: what is tried is the parsing, not the limit on requests. */
function addresses(): () => string {
  let n = 0;
  return () => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n++ & 255}`;
}

function authorityTarget(as: 'nobody' | 'node' | 'administrator'): FuzzTarget {
  return {
    name: `authority-http-${as}`,
    inputs: INPUTS,
    soakInputs: as === 'nobody' ? MILLION : MILLION / 4,
    inputsPerSubject: PER_SUBJECT,
    open: async () => {
      const unexpected: unknown[] = [];
      const world = await authorityApp({ onUnexpected: (error) => unexpected.push(error), enrollPerMinute: 1_000_000 });
      const { authority, app, administrator, issuer } = world;
      const enrolled = await authority.enroll(await enrollmentOf(await newToken(authority)));
      const chain = [enrolled.certificate.der, issuer.certificate.der];
      const credential: Credential = as === 'administrator' ? administrator : { tag: 'certificate', chain };
      if (as !== 'nobody') world.as(credential);
      const next = addresses();
      const csr = await csrPem(newSigner());
      const token = await newToken(authority, { usesMax: 100 });
      const forNobody = [
        requestOf('POST', '/v1/enroll', { token, csr }),
        requestOf('GET', '/v1/crl'),
        requestOf('GET', '/openapi.json'),
        requestOf('GET', '/healthz'),
      ];
      const forNode = [requestOf('POST', '/v1/checkin', { address: '192.0.2.1:8441', crl_number: 0, version: '1' })];
      const forAdministrator = [
        requestOf('POST', '/v1/revoke', { node_id: enrolled.nodeId, reason: 'keyCompromise' }),
        requestOf('POST', '/v1/revoke', { serial: enrolled.certificate.serial }),
        requestOf('POST', '/v1/tickets', { roles: ['operator'], ttl_sec: 60, uses: 2 }),
        requestOf('POST', '/v1/tickets', { node_id: 'n7', ttl_sec: 60 }),
        requestOf('GET', '/v1/nodes'),
        requestOf('GET', '/v1/nodes?limit=5'),
        requestOf('GET', '/v1/tickets'),
      ];
      const corpus = { nobody: forNobody, node: forNode, administrator: forAdministrator }[as];
      return {
        corpus,
        mutators: [mutateRequest],
        feed: (input) => feedRequest(app, input, next(), unexpected),
        close: () => app.close(),
      };
    },
  };
}

/** A node on loopback whose HTTP is asked without a socket; its clock runs so fast that no budget is ever empty. */
async function nodeSubject(
  add: (service: NodeService, node: TestNode, mesh: TestMesh) => Promise<FuzzSubject>,
): Promise<FuzzSubject> {
  const endings: (() => unknown)[] = [];
  const mesh = await TestMesh.make();
  const node = await mesh.start({ after: (end) => endings.push(end as () => unknown) });
  const { host } = node;
  let mono = 0;
  const service: NodeService = {
    node: host.node,
    now: () => ({ ...host.now(), mono: (mono += 1_000) as MonotonicMs }),
    publish: (what) => host.publish(what),
    submit: (message, client) => host.submit(message, client),
    keepChain: (chain) => host.keepChain(chain),
    handleCandidate: () => undefined, // it would dial
    judge: (chain, purpose) => host.judge(chain, purpose),
    onEvent: (listener) => host.onEvent(listener),
  };
  const subject = await add(service, node, mesh);
  return {
    ...subject,
    close: async () => {
      await subject.close?.();
      for (const end of endings) await end();
    },
  };
}

const members: FuzzTarget = {
  name: 'node-http-member',
  inputs: INPUTS,
  soakInputs: MILLION,
  inputsPerSubject: PER_SUBJECT,
  open: () =>
    nodeSubject(async (service, _node, mesh) => {
      const member = await mesh.member();
      const unexpected: unknown[] = [];
      const app = await createHttpApp({
        createServer,
        rate: undefined,
        onUnexpected: (error) => unexpected.push(error),
      });
      addMemberRoutes(app, { service, memberOf: () => member, signedHosts: [] });
      const now = unixMsFromSeconds(unixSeconds(service.now().wall));
      const composed = composeMessage(mesh.mesh, {
        algorithm: 'ES256',
        type: parseMessageType('indicator'),
        contentType: 'application/json',
        origin: member.nodeId,
        incarnation: 1,
        counter: 0,
        issuedAt: now,
        expiresAt: after(now, HOUR_MS),
        voucherHash: (member.chain[0] as { fingerprint: Bytes }).fingerprint,
        payload: INDICATOR,
      });
      const { bytes, protectedBytes, payload, signature } = assembleMessage(
        composed,
        await member.signer.sign(composed.toBeSigned),
      );
      const parts = { protected: toBase64(protectedBytes), payload: toBase64(payload), signature: toBase64(signature) };
      const next = addresses();
      return {
        corpus: [
          requestOf('POST', '/v1/mesh/gossip', bytes),
          requestOf('POST', '/v1/mesh/gossip', parts),
          requestOf('POST', '/v1/mesh/gossip', { ...parts, origin: member.nodeId, ttl_sec: 3_600, type: 'indicator' }),
          requestOf('POST', '/v1/mesh/gossip/prepare', {
            type: 'indicator',
            payload: toBase64(INDICATOR),
            ttl_sec: 60,
          }),
          requestOf('POST', '/v1/mesh/gossip/prepare', {
            type: 'sensor/a',
            payload: 'AAAA',
            ttl_sec: 60,
            audience: 'role:x',
          }),
          requestOf('GET', '/v1/mesh/peers'),
        ],
        mutators: [mutateRequest],
        feed: (input) => feedRequest(app, input, next(), unexpected),
        close: () => app.close(),
      };
    }),
};

const programs: FuzzTarget = {
  name: 'node-http-program',
  inputs: INPUTS,
  soakInputs: MILLION / 2,
  inputsPerSubject: PER_SUBJECT,
  open: () =>
    nodeSubject(async (service, node) => {
      const unexpected: unknown[] = [];
      const app = await createHttpApp({
        createServer,
        rate: undefined,
        onUnexpected: (error) => unexpected.push(error),
      });
      const facts = {
        name: 'fuzz',
        version: '1.2.3',
        startedAt: service.now().wall,
        certificate: {
          serial: 'ab',
          notBefore: service.now().wall,
          notAfter: (service.now().wall + HOUR_MS) as UnixMs,
        },
        isRevoked: () => false,
        clockBehindMs: () => 0,
        addresses: () => [node.address],
      };
      addProgramRoutes(app, { service, facts, leave: () => undefined });
      const next = addresses();
      return {
        corpus: [
          requestOf('POST', '/v1/messages', { type: 'indicator', payload: toBase64(INDICATOR), ttl_sec: 60 }),
          requestOf('POST', '/v1/messages', {
            type: 'sensor/a',
            payload: toBase64(utf8('21')),
            ttl_sec: 60,
            content_type: 'text/plain',
          }),
          requestOf('POST', '/v1/candidates', { address: '192.0.2.1:8441', node_id: 'n1' }),
          requestOf('GET', '/v1/messages?type=indicator&after=0&limit=5'),
          requestOf('GET', '/v1/indicators'),
          requestOf('GET', '/v1/status'),
          requestOf('GET', '/v1/records'),
        ],
        mutators: [mutateRequest],
        feed: (input) => feedRequest(app, input, next(), unexpected),
        close: () => app.close(),
      };
    }),
};

export const HTTP_TARGETS: readonly FuzzTarget[] = [
  authorityTarget('nobody'),
  authorityTarget('node'),
  authorityTarget('administrator'),
  members,
  programs,
];
