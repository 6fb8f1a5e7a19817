import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MessagesResponse } from '../../../src/api/node-programs.ts';
import { ticketCreatedSchema } from '../../../src/api/authority.ts';
import { renderTicket } from '../../../src/api/ticket.ts';
import { toBase64, utf8 } from '../../../src/base/bytes.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import type { Signer } from '../../../src/crypto/keys/signer.ts';
import { controlSocketOf } from '../../../src/host/http/control-socket.ts';
import { FileKeyStore } from '../../../src/host/keys/file-key-store.ts';
import { type ClientRequestOptions, exchange, openExchange } from '../../../src/host/http/client.ts';
import type { TlsIdentity } from '../../../src/host/tls/server-options.ts';
import { type NodeId, parseNodeId } from '../../../src/identity/node-id.ts';
import { type Certificate, parseCertificatesPem } from '../../../src/pki/x509/certificate/certificate.ts';
import { chainmail, LongCommand } from './chainmail.ts';

export interface NodeReady {
  readonly event: 'ready';
  readonly address: string;
  readonly node_id: string;
  readonly mesh: string;
}

export interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

const PASSPHRASE = 'battery staple';

/** A node's key in other hands. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly chain: readonly Certificate[];
  readonly signer: Signer;
  /** The same for TLS, trusting nobody. */
  readonly tls: TlsIdentity;
}

/** The directory of a node that was enrolled by the commands themselves, and its process while it runs. */
export class NodeProcess {
  readonly dir: string;
  /** How often the process asks the authority; set it before {@link run}. */
  crlPoll = '1s';
  /** What the process finds in its environment besides; set it before {@link run}. */
  environment: NodeJS.ProcessEnv = {};
  #command: LongCommand | undefined;
  #ready: NodeReady | undefined;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** The directory of a node that is enrolled already. */
  static at(dir: string): NodeProcess {
    return new NodeProcess(dir);
  }

  /** @param authorityDir of an authority that runs. */
  static async enroll(
    folder: string,
    name: string,
    authorityDir: string,
    ticket: object = {},
    environment: NodeJS.ProcessEnv = {},
  ): Promise<NodeProcess> {
    const dir = join(folder, name);
    mkdirSync(dir, { mode: 0o700 });
    writeFileSync(join(dir, 'passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
    const ticketFile = join(folder, `${name}.ticket`);
    writeFileSync(ticketFile, await makeTicket(authorityDir, ticket), { mode: 0o600 });
    const enrolled = await chainmail(['node', 'enroll', '--dir', dir, '--ticket', ticketFile, '--json'], environment);
    assert.equal(enrolled.code, 0, `${enrolled.stdout}${enrolled.stderr}`);
    const node = new NodeProcess(dir);
    node.environment = environment;
    return node;
  }

  get ready(): NodeReady {
    assert.ok(this.#ready !== undefined, 'the node does not run');
    return this.#ready;
  }

  get pid(): number {
    return this.#command?.child.pid ?? -1;
  }

  /** The log of the process that runs now. */
  get stderr(): string {
    return this.#command?.stderr ?? '';
  }

  get nodeId(): string {
    return this.ready.node_id;
  }

  /** Starts the process, on a free port of loopback unless told otherwise. */
  async run(...more: string[]): Promise<NodeReady> {
    const args = ['node', 'run', '--dir', this.dir, '--listen', '127.0.0.1:0', '--no-multicast', '--json', ...more];
    this.#command = new LongCommand(args, {
      CHAINMAIL_CRL_POLL: this.crlPoll,
      CHAINMAIL_LOG_LEVEL: 'warn',
      ...this.environment,
    });
    this.#ready = await this.#command.json<NodeReady>();
    return this.#ready;
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | undefined> {
    return this.#command?.end(signal);
  }

  /** Its key and certificates, for who speaks in its name without its rules; it need not run. */
  async identity(): Promise<NodeIdentity> {
    const certificate = readFileSync(join(this.dir, 'node.pem'), 'utf8');
    const chain = parseCertificatesPem(certificate);
    const keys = await FileKeyStore.open(join(this.dir, 'keys'), new Secret(utf8(PASSPHRASE)));
    return {
      nodeId: parseNodeId(chain[0]?.subject.commonNames[0] ?? ''),
      chain,
      signer: await keys.open('identity'),
      tls: { certificate, key: await keys.exportPem('identity'), trustAnchors: [] },
    };
  }

  /** Asks over the control socket. */
  async ask(options: ClientRequestOptions): Promise<Answer> {
    const { status, body } = await exchange({ tag: 'socket', path: controlSocketOf(this.dir) }, options);
    const text = new TextDecoder().decode(body);
    return { status, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  publish(text: string, type = 'sensor/test'): Promise<Answer> {
    const body = { type, payload: toBase64(utf8(text)), ttl_sec: 3_600 };
    return this.ask({ method: 'POST', path: '/v1/messages', body });
  }

  /** Ids of all messages that the node lists. */
  async listed(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (let after: string | null = ''; after !== null; ) {
      const path: string = `/v1/messages?limit=1000${after === '' ? '' : `&after=${after}`}`;
      const { json } = await this.ask({ method: 'GET', path });
      const page = json as unknown as MessagesResponse;
      for (const { message_id } of page.messages) ids.add(message_id);
      after = page.next;
    }
    return ids;
  }

  /** Waits until the node lists all of these. */
  async untilListed(ids: ReadonlySet<string>): Promise<void> {
    await this.untilEvent(async () => ids.isSubsetOf(await this.listed()));
  }

  /** Waits until something is so, looking again at each thing that happens at the node. */
  async untilEvent(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const stream = await openExchange(
      { tag: 'socket', path: controlSocketOf(this.dir) },
      { method: 'GET', path: '/v1/events' },
    );
    try {
      if (await isSo()) return;
      for await (const _ of stream) if (await isSo()) return;
      assert.fail('the node ended');
    } finally {
      stream.destroy();
    }
  }

  async linkedWith(...others: readonly { readonly nodeId: string }[]): Promise<void> {
    await this.untilEvent(async () => {
      const { json } = await this.ask({ method: 'GET', path: '/v1/status' });
      const linked = (json['links'] as readonly { readonly node_id: string }[]).map(({ node_id }) => node_id);
      return others.every(({ nodeId }) => linked.includes(nodeId));
    });
  }
}

async function makeTicket(authorityDir: string, wish: object): Promise<string> {
  const answer = await exchange(
    { tag: 'socket', path: controlSocketOf(authorityDir) },
    { method: 'POST', path: '/v1/tickets', body: wish },
  );
  const text = new TextDecoder().decode(answer.body);
  assert.ok(answer.status < 300, text);
  return renderTicket(ticketCreatedSchema.parse(JSON.parse(text)).ticket);
}
