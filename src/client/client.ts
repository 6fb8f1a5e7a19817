/** `chainmail/client`: what a program imports that stands beside a node. docs/CLIENT.md shows it at work. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { statusResponseSchema } from '../api/node-programs.ts';
import type { Bytes } from '../base/bytes.ts';
import { MeshError, messageOf, quotedPath } from '../base/errors.ts';
import type { UnixMs } from '../base/time.ts';
import { NodeDesk } from '../daemon/node/desk.ts';
import { controlSocketOf } from '../host/http/control-socket.ts';
import { fetchCrl } from '../host/http/fetch-crl.ts';
import { systemClock } from '../host/machine/system-clock.ts';
import { parseMeshName } from '../identity/mesh-name.ts';
import { parseNodeId } from '../identity/node-id.ts';
import { MeshClient } from './mesh-client.ts';
import { verifierOf } from './trust.ts';

export { MeshError } from '../base/errors.ts';
export { type Delegate, type FollowWish, MeshClient, type Saying, type Wish } from './mesh-client.ts';
export type { Refusal, VerifiedIndicator, VerifiedMessage } from './verified.ts';

export interface ConnectOptions {
  /** Directory of a node that runs on this machine. */
  readonly directory: string;
  /** Its socket, where that is not `control.sock` of the directory. */
  readonly socket?: string;
  /**
   * Whom to believe: the root certificate of the mesh, PEM, as a ticket has it (`trust_anchor`) or the `ca.pem` that was
   * written at enrolment. Left out, the `ca.pem` of the directory is read: then whoever can write there is believed.
   */
  readonly trustAnchor?: string;
  /** The name of the mesh; left out, the node says it. A wrong one makes every signature wrong. */
  readonly mesh?: string;
  /** `https://HOST:PORT` of the authority: the newest list is taken from it too, so that the node cannot hide one. */
  readonly authority?: string;
  /** Whether revocation lists count that are overdue. By default they do, as at every node: a fleet may be offline. */
  readonly staleLists?: 'accepted' | 'refused';
  /** Milliseconds since 1970; by default this machine’s clock. */
  readonly now?: () => number;
}

/**
 * Opens a node’s API for programs.
 * @throws ERR_NOT_RUNNING, ERR_DIR_NOT_INITIALISED, ERR_CERTIFICATE, ERR_CRL, ERR_PATH_...
 */
export async function connect(options: ConnectOptions): Promise<MeshClient> {
  const directory = resolve(options.directory);
  const desk = new NodeDesk(directory, options.socket ?? controlSocketOf(directory));
  const trustAnchor = options.trustAnchor ?? readAnchor(join(directory, 'ca.pem'));
  const status = await desk.call(statusResponseSchema, { method: 'GET', path: '/v1/status' });
  const mesh = parseMeshName(options.mesh ?? status.mesh);
  const { now: clock, authority, staleLists = 'accepted' } = options;
  const now = clock === undefined ? () => systemClock.wall() : () => clock() as UnixMs;
  const client = new MeshClient({
    desk,
    verifier: verifierOf({ mesh, trustAnchor, staleLists }, now()),
    mesh,
    nodeId: parseNodeId(status.node_id),
    roles: status.certificate.roles,
    now,
    listsElsewhere: authority === undefined ? undefined : () => listOf(authority, trustAnchor),
  });
  await client.refreshLists();
  return client;
}

function listOf(endpoint: string, trustAnchor: string): Promise<Bytes> {
  return fetchCrl({ tag: 'tls', trustAnchors: [trustAnchor] }, new URL('/v1/crl', endpoint).href);
}

function readAnchor(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MeshError(
      'ERR_DIR_NOT_INITIALISED',
      `trust anchor ${quotedPath(path)} cannot be read: ${messageOf(error)}`,
      'give the directory of an enrolled node, or the root certificate as trustAnchor',
    );
  }
}
