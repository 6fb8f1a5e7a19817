import type { Bytes } from '../../base/bytes.ts';
import { isMeshError } from '../../base/errors.ts';
import { BoundedMap } from '../../base/bounded.ts';
import { after, type Instant, type MonotonicMs, SECOND_MS, type UnixMs } from '../../base/time.ts';
import { sha256Hex } from '../../crypto/hash.ts';
import { keepChainUntil } from '../../engine/gate/chain-book.ts';
import { keepDelegateUntil, type KnownDelegate } from '../../engine/gate/delegate-book.ts';
import { CHAINS_ASKED_MAX } from '../../engine/links/frame.ts';
import type { Source } from '../../engine/gate/source.ts';
import { encodeFrame } from '../../engine/links/frame-codec.ts';
import type { Link, MeshFrame } from '../../engine/links/link.ts';
import type { Origins } from '../../engine/gate/origins.ts';
import { type Parked, Parking } from '../../engine/held/parking.ts';
import { ignore, reject, type Verdict } from '../../engine/gate/verdict.ts';
import type { NodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import { type Certificate, parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import { MESH_CERTIFICATE_BYTES_MAX } from '../../pki/mesh/mesh-profile.ts';
import type { Journal } from '../keeping/journal.ts';

/** After the first message of a signer, peers may not know yet what vouches for it. Who has the messages has asked by then. */
const NEW_MS = 10 * SECOND_MS;
/** Signers of which is known when they first spoke: many more than do in a day. Beyond, the one that is silent longest is new again. */
export const SPOKEN_MAX = 4_096;

/** Reads a certificate from bytes that are not kept. @throws ERR_CERTIFICATE */
export type ReadCertificate = (der: Bytes) => Certificate;

/** Of at most the size that a mesh uses. */
export const readMeshCertificate: ReadCertificate = (der) => parseCertificate(der.slice(), MESH_CERTIFICATE_BYTES_MAX);

/** What vouches for the key that signed a message. */
export interface Voucher {
  /** Of a delegate. */
  readonly statement: Bytes | undefined;
  /** DER, leaf first: of the signer, or of the node for which the delegate speaks, as far as that is known. */
  readonly certificates: readonly Bytes[];
}

export interface ChainExchangeOwner {
  /** The link over which a message came, where it still stands. */
  linkOf(source: Source): Link | undefined;
  /** Takes the price of a signature check from the neighbour's budget; `false` where it has no more. */
  charge(now: Instant, neighbour: NodeId): boolean;
  /** A chain has come: judge the message that waited for it. */
  resume(now: Instant, parked: Parked): void;
  /** It will not come. */
  giveUp(now: Instant, source: Source, message: Message, verdict: Verdict): void;
  /** The authority signed something at that time. */
  signed(now: Instant, at: UnixMs): void;
}

/** Certificates of origins: asked of the neighbour that passed on a message, given to those who ask. */
export class ChainExchange {
  readonly #origins: Origins;
  readonly #journal: Journal;
  readonly #read: ReadCertificate;
  readonly #owner: ChainExchangeOwner;
  readonly #parking = new Parking();
  /** When signers first spoke here, by what their messages name. */
  readonly #spokeAt = new BoundedMap<string, MonotonicMs>(SPOKEN_MAX);
  /** What goes along with messages in this turn, encoded once for all peers. */
  #shown: { readonly voucherId: string; readonly frame: Bytes } | undefined;
  /** Certificates to be asked for once this turn is over, unless they have come by then. */
  readonly #asking = new Map<Link, string[]>();

  constructor(origins: Origins, journal: Journal, read: ReadCertificate, owner: ChainExchangeOwner) {
    this.#origins = origins;
    this.#journal = journal;
    this.#read = read;
    this.#owner = owner;
  }

  /** Messages that wait for a certificate. */
  get parked(): number {
    return this.#parking.size;
  }

  /** A message names a certificate that is unknown: keep it aside and ask the neighbour that passed it on, if any. */
  handleMissing(now: Instant, source: Source, message: Message): void {
    const link = this.#owner.linkOf(source);
    if (link === undefined || source.tag !== 'link')
      return this.#owner.giveUp(now, source, message, ignore('unknown-origin'));
    const outcome = this.#parking.park(now.mono, { message, source });
    for (const displaced of this.#parking.takeDisplaced()) this.#giveUpFull(now, displaced);
    if (outcome === 'ask') this.#ask(link, message.voucherId);
    else if (outcome === 'copy') this.#owner.giveUp(now, source, message, ignore('duplicate'));
    else if (outcome === 'full') this.#giveUpFull(now, { message, source });
  }

  /** What messages name by this hash: the chain of a certificate, or a statement with the chain of its node. */
  voucherOf(voucherId: string): Voucher | undefined {
    const { chains, delegates } = this.#origins;
    const statement = delegates.get(voucherId)?.statement;
    const known = statement === undefined ? chains.get(voucherId) : chains.newestOf(statement.nodeId);
    if (known === undefined && statement === undefined) return undefined;
    return { statement: statement?.bytes, certificates: known?.chain.map(({ der }) => der) ?? [] };
  }

  handleWantChains(link: Link, voucherIds: readonly string[]): void {
    for (const voucherId of voucherIds.slice(0, CHAINS_ASKED_MAX)) {
      const voucher = link.isLaden ? undefined : this.voucherOf(voucherId);
      if (voucher !== undefined) link.send(frameOf(voucher));
    }
  }

  /** What vouches for a signer that has not spoken before goes along with its message: the peer need not ask. */
  vouch(now: Instant, link: Link, voucherId: string): void {
    const spokeAt = this.#spokeAt.get(voucherId);
    if (spokeAt === undefined) this.#spokeAt.set(voucherId, now.mono);
    if (spokeAt !== undefined && now.mono >= after(spokeAt, NEW_MS)) return;
    if (this.#shown?.voucherId !== voucherId) {
      const voucher = this.voucherOf(voucherId);
      if (voucher === undefined) return;
      this.#shown = { voucherId, frame: encodeFrame(frameOf(voucher)) };
    }
    link.sendEncoded(this.#shown.frame);
  }

  handleChain(now: Instant, link: Link, ders: readonly Bytes[]): void {
    const [leaf] = ders;
    const voucherId = leaf === undefined ? '' : sha256Hex(leaf);
    if (!this.#parking.expects(voucherId)) return; // nobody asked, or it came before: to read it would be work for nothing
    let chain: readonly Certificate[];
    try {
      chain = ders.map((der) => this.#read(der));
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return link.handleReject(now);
    }
    if (this.take(now, chain)) return;
    // Anybody can show a genuine certificate with others that do not lead on from it: that is held against who shows it,
    // and not against those who passed on what was signed with it. Their messages wait for another answer.
    link.handleReject(now);
  }

  /** The statement of a delegate that was asked for. */
  handleDelegate(now: Instant, link: Link, statement: Bytes): void {
    const hash = sha256Hex(statement);
    if (!this.#parking.expects(hash)) return; // nobody asked: to check it would be work for nothing
    if (this.#origins.delegates.get(hash) === undefined && !this.#owner.charge(now, link.peer)) {
      // It can name and bring statements without end (T3). A pull brings the messages again.
      for (const { source, message } of this.#parking.release(hash))
        this.#owner.giveUp(now, source, message, ignore('over-budget'));
      return;
    }
    const added = this.#origins.delegates.add(statement, now.wall);
    if (added.tag === 'known' && added.isNew) this.keepDelegate(added.delegate, added.forgotten);
    if (added.tag === 'refused') link.handleReject(now);
    for (const parked of this.#parking.release(hash)) {
      const { source, message } = parked;
      if (added.tag === 'known') this.#owner.resume(now, parked);
      else if (added.tag === 'refused') this.#owner.giveUp(now, source, message, reject('wrong-origin', added.why));
      else this.#owner.giveUp(now, source, message, ignore('unpublished-origin', added.why));
    }
  }

  /** A statement from the store, where the lists still let it speak; else nobody needs it there any more. */
  takeBack(now: Instant, statement: Bytes): void {
    const added = this.#origins.delegates.add(statement, now.wall);
    const forgotten = added.tag === 'known' ? added.forgotten : [sha256Hex(statement)];
    for (const voucherId of forgotten) this.#journal.add({ tag: 'drop-chain', voucherId });
  }

  /** Makes a statement that holds durable. @param forgotten those that had to go for it */
  keepDelegate({ hash, statement }: KnownDelegate, forgotten: readonly string[]): void {
    const keepUntil = keepDelegateUntil(statement);
    for (const voucherId of forgotten) this.#journal.add({ tag: 'drop-chain', voucherId });
    this.#journal.add({ tag: 'put-chain', voucherId: hash, chain: [statement.bytes], keepUntil });
  }

  /** Keeps a chain that leads to the trust anchor. @returns whether it does. */
  take(now: Instant, chain: readonly Certificate[]): boolean {
    const taken = this.#origins.chains.add(chain, now.wall);
    if ('refused' in taken) return false;
    const { known, isNew } = taken;
    if (isNew) {
      const leaf = known.chain[0] as Certificate;
      const keepUntil = keepChainUntil(leaf);
      this.#owner.signed(now, leaf.notBefore);
      this.#journal.add({
        tag: 'put-chain',
        voucherId: known.voucherId,
        chain: known.chain.map((certificate) => certificate.der),
        keepUntil,
      });
    }
    for (const parked of this.#parking.release(known.voucherId)) this.#owner.resume(now, parked);
    return true;
  }

  deadline(): MonotonicMs | undefined {
    return this.#parking.deadline();
  }

  handleTimeout(now: Instant): void {
    for (const { source, message } of this.#parking.takeOverdue(now.mono))
      this.#owner.giveUp(now, source, message, ignore('unknown-origin'));
    for (const { source, voucherId } of this.#parking.takeAskings(now.mono)) {
      const link = this.#owner.linkOf(source);
      if (link !== undefined) this.#ask(link, voucherId);
    }
  }

  /** Asks for what is still missing, one frame a peer. */
  flush(): void {
    for (const [link, asked] of this.#asking) {
      const missing = asked.filter((voucherId) => this.#parking.expects(voucherId));
      for (let i = 0; i < missing.length; i += CHAINS_ASKED_MAX)
        link.send({ tag: 'want-chains', voucherIds: missing.slice(i, i + CHAINS_ASKED_MAX) });
    }
    this.#asking.clear();
    this.#shown = undefined;
  }

  /** Forgets chains that no mail can need any more. */
  sweep(now: Instant): void {
    const { chains, delegates } = this.#origins;
    for (const voucherId of [...chains.forgetEnded(now.wall), ...delegates.forgetEnded(now.wall)])
      this.#journal.add({ tag: 'drop-chain', voucherId });
  }

  #giveUpFull(now: Instant, { source, message }: Parked): void {
    this.#owner.giveUp(now, source, message, ignore('unknown-origin', 'too many wait for certificates'));
  }

  #ask(link: Link, voucherId: string): void {
    const asked = this.#asking.get(link);
    if (asked === undefined) this.#asking.set(link, [voucherId]);
    else asked.push(voucherId);
  }
}

function frameOf({ statement, certificates }: Voucher): Extract<MeshFrame, { tag: 'chain' | 'delegate' }> {
  return statement === undefined ? { tag: 'chain', certificates } : { tag: 'delegate', statement };
}
