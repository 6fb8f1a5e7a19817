import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { revokeResultSchema, ticketCreatedSchema } from '../../api/authority.ts';
import { type NodeEventJson, nodeEventSchema } from '../../api/node-programs.ts';
import { renderTicket } from '../../api/ticket.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { MODE_SECRET, writeFileAtomic } from '../../host/files/atomic-file.ts';
import { makeFolder } from '../../host/files/folder.ts';
import { initAuthority } from '../authority/init.ts';
import { type AuthorityDesk, withAuthority } from '../authority/desk.ts';
import { authorityLayout, nodeLayout } from '../directory.ts';
import { enrollNode } from '../node/enroll.ts';
import { NodeDesk } from '../node/desk.ts';
import { readPassphrase } from '../passphrase.ts';
import { Child } from './child.ts';
import { Guard } from './guard.ts';

/** Who is told what happens to the fleet. */
export interface FleetListener {
  /** Something that a node says of itself. */
  handleEvent(node: FleetNode, event: NodeEventJson): void;
  /** A process ended though nobody here asked for it; `node` is absent where it was the authority's. */
  handleEnded(pid: number, node?: FleetNode): void;
  /** What a node says cannot be heard any more, though it goes on. */
  handleDeaf(node: FleetNode, error: unknown): void;
}

/** Starts one of the fleet's processes. @throws ERR_NOT_READY once the fleet is being stopped. */
type StartChild = (args: readonly string[], environment: Readonly<Record<string, string>>) => Child;

/** A node of the fleet: its directory, and its process while it runs. */
export class FleetNode {
  readonly name: string;
  readonly directory: string;
  nodeId = '';
  address = '';
  readonly #startChild: StartChild;
  #child: Child | undefined;
  #following: Promise<void> | undefined;

  constructor(name: string, directory: string, startChild: StartChild) {
    this.name = name;
    this.directory = directory;
    this.#startChild = startChild;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** The running node, as commands speak to it. */
  get desk(): NodeDesk {
    return new NodeDesk(this.directory);
  }

  /** Starts the node's process and follows what it does. */
  async start(listener: FleetListener): Promise<void> {
    const args = ['node', 'run', '--dir', this.directory, '--listen', '127.0.0.1:0', '--no-multicast', '--json'];
    const child = this.#startChild(args, { ...NODE_ENVIRONMENT, CHAINMAIL_NAME: this.name });
    this.#child = child;
    const ready = await child.ready();
    this.nodeId = String(ready['node_id']);
    this.address = String(ready['address']);
    this.#following = this.#follow(child, listener);
  }

  /** Returns when the process has ended, and what it said has been heard. */
  async stop(): Promise<void> {
    await this.#child?.stop();
    await this.#following;
  }

  /** Follows what the node says until its process ends. */
  async #follow(child: Child, listener: FleetListener): Promise<void> {
    const stopped = new AbortController();
    const hear = async (): Promise<void> => {
      try {
        const events = this.desk.follow(nodeEventSchema, '/v1/events', stopped.signal);
        for await (const event of events) listener.handleEvent(this, event);
      } catch (error) {
        // A process that ends is told as such, by whatever its socket then fails with.
        if (!isGone(error)) listener.handleDeaf(this, error);
      }
    };
    const heard = hear();
    const isUnasked = await child.endedUnasked();
    stopped.abort();
    await heard;
    if (isUnasked) listener.handleEnded(child.pid, this);
  }
}

function isGone(error: unknown): boolean {
  return isMeshError(error) && (error.code === 'ERR_NOT_RUNNING' || error.code === 'ERR_UNREACHABLE');
}

/** On one machine news need not be rare: nodes ask the authority every second, so that the story is short. */
const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { CHAINMAIL_CRL_POLL: '1s', CHAINMAIL_LOG_LEVEL: 'warn' };

/** An authority and its nodes under one directory, each a process of its own. */
export class Fleet {
  readonly directory: string;
  readonly mesh: string;
  readonly nodes: readonly FleetNode[];
  url = '';
  readonly #children = new Set<Child>();
  #guard: Guard | undefined;
  #authority: Child | undefined;
  #authorityWatched: Promise<void> | undefined;
  #isStopping = false;

  constructor(directory: string, mesh: string, nodes: number) {
    this.directory = directory;
    this.mesh = mesh;
    const start: StartChild = (args, environment) => this.#start(args, environment);
    const node = (_: unknown, i: number): FleetNode =>
      new FleetNode(`n${i + 1}`, join(directory, 'nodes', `n${i + 1}`), start);
    this.nodes = Array.from({ length: nodes }, node);
  }

  get authorityDirectory(): string {
    return join(this.directory, 'authority');
  }

  get authorityPid(): number {
    return this.#authority?.pid ?? -1;
  }

  /** Makes the authority and starts its process. */
  async startAuthority(listener: FleetListener): Promise<void> {
    const directory = this.authorityDirectory;
    writePassphrase(directory);
    using passphrase = await readPassphrase({ directory, environment: {} });
    await initAuthority({ directory, mesh: this.mesh, passphrase, listen: '127.0.0.1:0' });
    const args = ['authority', 'run', '--dir', directory, '--json'];
    const child = this.#start(args, { CHAINMAIL_LOG_LEVEL: 'warn' });
    this.#authority = child;
    this.url = String((await child.ready())['url']);
    this.#authorityWatched = child.endedUnasked().then((isUnasked) => {
      if (isUnasked) listener.handleEnded(child.pid);
    });
  }

  /** Has a ticket made and redeems it: what an operator and a node do. */
  async enroll(node: FleetNode): Promise<void> {
    writePassphrase(node.directory);
    using passphrase = await readPassphrase({ directory: node.directory, environment: {} });
    const { ticket } = await this.withAuthority((desk) =>
      desk.call(ticketCreatedSchema, { method: 'POST', path: '/v1/tickets', body: { ttl_sec: 600 } }),
    );
    await enrollNode({ directory: node.directory, ticket: renderTicket(ticket), passphrase });
  }

  /** @returns the number of the list that revokes the node. */
  async revoke(node: FleetNode): Promise<number> {
    const body = { node_id: node.nodeId, reason: 'key-compromise' };
    const revoked = await this.withAuthority((desk) =>
      desk.call(revokeResultSchema, { method: 'POST', path: '/v1/revoke', body }),
    );
    return revoked.crl_number;
  }

  /** Ends all processes, nodes first, and starts none any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all([...this.#children].map((child) => child.stop()));
    await this.#authorityWatched;
    await this.#guard?.end();
  }

  /** Ends all processes at once: {@link stop} then returns. */
  kill(): void {
    this.#isStopping = true;
    for (const child of this.#children) child.kill();
  }

  /** The anchor that everybody here trusts, PEM. */
  get trustAnchor(): string {
    return readFileSync(authorityLayout(this.authorityDirectory).rootCertificate, 'utf8');
  }

  #start(args: readonly string[], environment: Readonly<Record<string, string>>): Child {
    if (this.#isStopping) throw new MeshError('ERR_NOT_READY', 'the mesh is being stopped');
    this.#guard ??= new Guard();
    const child = new Child(this.#guard, args, environment);
    this.#children.add(child);
    return child;
  }

  /** Does something at the authority, as its operator. */
  withAuthority<T>(use: (desk: AuthorityDesk) => Promise<T>): Promise<T> {
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
  makeFolder(directory);
  writeFileAtomic(join(directory, 'passphrase'), `${randomBytes(16).toString('hex')}\n`, MODE_SECRET);
}
