import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { revokeResultSchema, ticketCreatedSchema } from '../../api/authority.ts';
import { type NodeEventJson, nodeEventSchema } from '../../api/node-programs.ts';
import { renderTicket } from '../../api/ticket.ts';
import { isMeshError } from '../../base/errors.ts';
import { MODE_SECRET, writeFileAtomic } from '../../host/atomic-file.ts';
import { initAuthority } from '../authority.ts';
import { type AuthorityDesk, withAuthority } from '../authority-desk.ts';
import { authorityLayout, nodeLayout } from '../directory.ts';
import { enrollNode } from '../enrollment.ts';
import { NodeDesk } from '../node-desk.ts';
import { readPassphrase } from '../passphrase.ts';
import { Child } from './child.ts';

/** A node of the fleet: its directory, and its process while it runs. */
export class FleetNode {
  readonly name: string;
  readonly directory: string;
  nodeId = '';
  address = '';
  #child: Child | undefined;
  #following: AbortController | undefined;

  constructor(name: string, directory: string) {
    this.name = name;
    this.directory = directory;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child?.isRunning === true;
  }

  /** The running node, as commands speak to it. */
  get desk(): NodeDesk {
    return new NodeDesk(this.directory);
  }

  /** Starts the node's process and follows what it does. */
  async start(onEvent: (node: FleetNode, event: NodeEventJson) => void): Promise<void> {
    const args = ['node', 'run', '--dir', this.directory, '--listen', '127.0.0.1:0', '--no-multicast', '--json'];
    this.#child = new Child(args, NODE_ENVIRONMENT);
    const ready = await this.#child.ready();
    this.nodeId = String(ready['node_id']);
    this.address = String(ready['address']);
    this.#following = new AbortController();
    void this.#follow(onEvent, this.#following.signal);
  }

  async stop(): Promise<void> {
    this.#following?.abort();
    await this.#child?.stop();
  }

  /** Ends when the node does. One that is gone before it is asked has no events to tell. */
  async #follow(onEvent: (node: FleetNode, event: NodeEventJson) => void, signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.desk.follow(nodeEventSchema, '/v1/events', signal)) onEvent(this, event);
    } catch (error) {
      if (!signal.aborted && !(isMeshError(error) && error.code === 'ERR_NOT_RUNNING')) throw error;
    }
  }
}

/** On one machine news need not be rare: nodes ask the authority every second, so that the story is short. */
const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { CHAINMAIL_CRL_POLL: '1s', CHAINMAIL_LOG_LEVEL: 'warn' };

/** An authority and its nodes under one directory, each a process of its own. */
export class Fleet {
  readonly directory: string;
  readonly mesh: string;
  readonly nodes: readonly FleetNode[];
  url = '';
  #authority: Child | undefined;

  constructor(directory: string, mesh: string, nodes: number) {
    this.directory = directory;
    this.mesh = mesh;
    const node = (_: unknown, i: number): FleetNode =>
      new FleetNode(`n${i + 1}`, join(directory, 'nodes', `n${i + 1}`));
    this.nodes = Array.from({ length: nodes }, node);
  }

  get authorityDirectory(): string {
    return join(this.directory, 'authority');
  }

  get authorityPid(): number {
    return this.#authority?.pid ?? -1;
  }

  /** Makes the authority and starts its process. */
  async startAuthority(): Promise<void> {
    const directory = this.authorityDirectory;
    writePassphrase(directory);
    using passphrase = await readPassphrase({ directory, environment: {} });
    await initAuthority({ directory, mesh: this.mesh, passphrase, listen: '127.0.0.1:0' });
    this.#authority = new Child(['authority', 'run', '--dir', directory, '--json'], { CHAINMAIL_LOG_LEVEL: 'warn' });
    this.url = String((await this.#authority.ready())['url']);
  }

  /** Has a ticket made and redeems it: what an operator and a node do. */
  async enroll(node: FleetNode): Promise<void> {
    writePassphrase(node.directory);
    using passphrase = await readPassphrase({ directory: node.directory, environment: {} });
    const { ticket } = await this.#withAuthority((desk) =>
      desk.call(ticketCreatedSchema, { method: 'POST', path: '/v1/tickets', body: { ttl_sec: 600 } }),
    );
    await enrollNode({ directory: node.directory, ticket: renderTicket(ticket), passphrase });
  }

  /** @returns the number of the list that revokes the node. */
  async revoke(node: FleetNode): Promise<number> {
    const body = { node_id: node.nodeId, reason: 'key-compromise' };
    const revoked = await this.#withAuthority((desk) =>
      desk.call(revokeResultSchema, { method: 'POST', path: '/v1/revoke', body }),
    );
    return revoked.crl_number;
  }

  /** Ends all processes, nodes first. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.#authority?.stop();
  }

  /** The anchor that everybody here trusts, PEM. */
  get trustAnchor(): string {
    return readFileSync(authorityLayout(this.authorityDirectory).rootCertificate, 'utf8');
  }

  #withAuthority<T>(use: (desk: AuthorityDesk) => Promise<T>): Promise<T> {
    const directory = this.authorityDirectory;
    return withAuthority(
      { directory, environment: {}, passphrase: () => readPassphrase({ directory, environment: {} }) },
      use,
    );
  }
}

/** Leaf and intermediate of an enrolled node, PEM. */
export function certificateOf(node: FleetNode): string {
  return readFileSync(nodeLayout(node.directory).certificate, 'utf8');
}

/** Every directory has its own passphrase, in the place where commands look for it. */
function writePassphrase(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileAtomic(join(directory, 'passphrase'), `${randomBytes(16).toString('hex')}\n`, MODE_SECRET);
}
