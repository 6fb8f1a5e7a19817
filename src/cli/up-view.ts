import { styleText } from 'node:util';
import type { ShutOutBy, UpEvent } from '../daemon/up/up-event.ts';

const HOW: Readonly<Record<ShutOutBy, string>> = {
  'link-closed': 'link closed',
  'dial-refused': 'dial refused',
  'message-dropped': 'message dropped',
};

/** Tells the events of `chainmail up` to people: a line a step, with its time, things of one kind together. */
export class UpView {
  readonly #print: (line: string) => void;
  readonly #names = new Map<string, string>();
  readonly #shutOuts = new Map<string, ShutOutBy[]>();
  /** Nodes look for the authority where it was. */
  #authorityAddress = '';
  #gathered: { readonly kind: 'links' | 'delivered'; readonly parts: string[]; at: number } | undefined;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  handle(event: UpEvent): void {
    const at = event.t_ms;
    switch (event.event) {
      case 'authority-ready':
        this.#authorityAddress = new URL(event.url).host;
        return this.#line(at, `authority of mesh ${event.mesh} at ${event.url}, process ${event.pid}`);
      case 'node-enrolled':
        this.#names.set(event.node_id, event.name);
        return this.#line(
          at,
          `${event.name} enrolled with a ticket, listens on ${event.address}, process ${event.pid}, id ${event.node_id.slice(0, 10)}…`,
        );
      case 'link-up':
        return this.#gather('links', at, `${this.#name(event.from)}–${this.#name(event.to)}`);
      case 'message-published':
        return this.#line(at, this.#published(event));
      case 'message-delivered':
        return this.#gather('delivered', at, `${this.#name(event.node_id)} after ${event.ms} ms`);
      case 'node-stopped':
        return this.#line(at, `${this.#name(event.node_id)} is stopped`);
      case 'node-back':
        return this.#line(at, `${this.#name(event.node_id)} is back, process ${event.pid}`);
      case 'revoked':
        return this.#line(at, `${this.#name(event.node_id)} is revoked, list ${event.crl_number}; now with its key:`);
      case 'shut-out':
        return this.#gatherShutOut(at, event);
      case 'story-told':
        return this.#next(event.dir);
      case 'node-ended':
        return this.#ended(
          at,
          event.name,
          event.pid,
          `node run --dir ${event.dir} --listen 127.0.0.1:0 --no-multicast`,
        );
      case 'authority-ended':
        return this.#ended(
          at,
          'the authority',
          event.pid,
          `authority run --dir ${event.dir} --listen ${this.#authorityAddress}`,
        );
      case 'summary':
        return this.#summary(event);
    }
  }

  #published({ origin, by }: Extract<UpEvent, { event: 'message-published' }>): string {
    if (by === 'delegate') return `a device of ${this.#name(origin)} publishes a reading, signed with a key of its own`;
    if (by === 'wallet')
      return `the wallet ${origin.slice(0, 10)}… gives a command, signed by a device that it let speak`;
    return `${this.#name(origin)} publishes a signed indicator`;
  }

  #ended(at: number, name: string, pid: number, command: string): void {
    this.#line(
      at,
      `${name} has ended, process ${pid}; it is not started again. To bring it back, in a second terminal:`,
    );
    this.#print(`            ${styleText('cyan', `npx chainmail ${command}`)}`);
  }

  #gatherShutOut(at: number, { by, how }: Extract<UpEvent, { event: 'shut-out' }>): void {
    const hows = this.#shutOuts.get(by) ?? [];
    hows.push(how);
    this.#shutOuts.set(by, hows);
    if (how === 'message-dropped')
      this.#line(at, `${this.#name(by)} shuts it out: ${hows.map((each) => HOW[each]).join(', ')}`);
  }

  #gather(kind: 'links' | 'delivered', at: number, part: string): void {
    if (this.#gathered !== undefined && this.#gathered.kind !== kind) this.#flush();
    this.#gathered ??= { kind, parts: [], at };
    this.#gathered.parts.push(part);
    this.#gathered.at = at;
  }

  #line(at: number, text: string): void {
    this.#flush();
    this.#print(`${time(at)}  ${text}`);
  }

  #flush(): void {
    if (this.#gathered === undefined) return;
    const { kind, parts, at } = this.#gathered;
    this.#gathered = undefined;
    this.#print(`${time(at)}  ${kind === 'links' ? 'linked: ' : 'reached '}${parts.join(', ')}`);
  }

  #next(dir: string): void {
    this.#flush();
    const command = (text: string): string => `  ${styleText('cyan', `npx chainmail ${text}`)}`;
    const indicator = `'{"kind":"hash","value":"e3b0c44298fc1c149afbf4c8996fb924","risk":80}'`;
    this.#print(
      [
        '',
        'The mesh goes on until Ctrl-C. In a second terminal:',
        command(`peers --dir ${dir}/nodes/n1`),
        command(`watch --dir ${dir}/nodes/n2`),
        `  echo ${indicator} | ${command(`publish --dir ${dir}/nodes/n1 --type indicator -`).trim()}`,
        command(`indicators --dir ${dir}/nodes/n3`),
        command(`nodes --dir ${dir}/authority`),
        command(
          `revoke --dir ${dir}/authority --node-id ${[...this.#names].find(([, name]) => name === 'n2')?.[0] ?? 'NODE_ID'}`,
        ),
      ].join('\n'),
    );
  }

  #summary({
    ok,
    told: isTold,
    nodes,
    published,
    delivered,
    shut_out: shutOut,
    failed,
  }: Extract<UpEvent, { event: 'summary' }>): void {
    this.#flush();
    const told = `${nodes} nodes, ${published} messages published, ${delivered} deliveries, shut out by ${shutOut}`;
    if (!isTold && failed.length === 0) return this.#print(`\nended before the story was: ${told}`);
    this.#print(
      ok
        ? `\nall of it happened: ${told}`
        : `\n${styleText('red', 'not all of it happened')}: ${told}\n  ${failed.join('\n  ')}`,
    );
  }

  #name(nodeId: string): string {
    return this.#names.get(nodeId) ?? `${nodeId.slice(0, 10)}…`;
  }
}

function time(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`;
}
