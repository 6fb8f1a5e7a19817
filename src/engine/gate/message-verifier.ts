import { BoundedMap } from '../../base/bounded.ts';
import type { Bytes } from '../../base/bytes.ts';
import { isMeshError, MeshError } from '../../base/errors.ts';
import { type Instant, type MonotonicMs, toRfc3339, type UnixMs } from '../../base/time.ts';
import type { BucketRate } from '../../base/token-bucket.ts';
import { parseNodeId } from '../../identity/node-id.ts';
import type { Message } from '../../message/message.ts';
import { parseMessage } from '../../message/message-reader.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { parseCertificate } from '../../pki/x509/certificate/certificate.ts';
import { brokenRuleOf, MESH_CERTIFICATE_BYTES_MAX } from '../../pki/mesh/mesh-profile.ts';
import type { Crl } from '../../pki/x509/crl/crl.ts';
import { isSameName } from '../../pki/x509/name/distinguished-name.ts';
import type { Trust } from '../../pki/mesh/judge.ts';
import { validatePath } from '../../pki/path/path.ts';
import { ChainBook } from './chain-book.ts';
import { DelegateBook, type KnownDelegate } from './delegate-book.ts';
import { Gate } from './gate.ts';
import type { GateMemory } from './steps.ts';
import type { CounterState } from '../held/held-messages.ts';
import { Origins } from './origins.ts';
import { type CrlOutcome, Revocations } from './revocations.ts';
import { refusalOf } from './verdict.ts';

/** Places in streams that are remembered, to tell clones: 65,536 × about 200 bytes = 13 MB, some minutes of a busy mesh. */
export const PLACES_MAX = 65_536;

/** Who reads what he asked for spends nobody's budget. */
const UNBOUNDED: BucketRate = Object.freeze({ tokensPerSecond: 1e9, burstTokens: 1e9 });

/** The gate wants a neighbour's name; whoever hands messages to a verifier is nobody in the mesh. */
const READER = { tag: 'client', peer: parseNodeId('reader'), request: 0 } as const;

export type VerifierAnswer =
  | {
      readonly tag: 'ok';
      readonly message: Message;
      /** A delegate signed, and no chain of its node is known: it might say that the node is revoked, or may do less. */
      readonly isNodeUnknown: boolean;
    }
  /** Hand over what vouches for its signer, which it names by `voucherHash`, then ask again. */
  | { readonly tag: 'missing'; readonly message: Message }
  /** `isFault`: no honest node passes such a thing on. */
  | { readonly tag: 'refused'; readonly isFault: boolean; readonly error: MeshError };

export interface VerifierOptions {
  readonly trust: Trust;
  /** Whether a revocation list counts whose next update is overdue. */
  readonly staleLists: 'accepted' | 'refused';
  /** Whether a certificate counts that no list at hand would name; by default not. Delegates need one in any case. */
  readonly missingLists?: 'accepted' | 'refused';
  /** See {@link PLACES_MAX}. */
  readonly placesMax?: number;
}

/**
 * Judges messages without being a node, by the trust anchors and the lists that it is given: for programs that do not
 * take a node's word. It is the gate of every node with a small memory. Pure, and answers at once.
 */
export class MessageVerifier {
  readonly #options: VerifierOptions;
  readonly #revocations: Revocations;
  readonly #chains: ChainBook;
  readonly #origins: Origins;
  readonly #places: Places;
  readonly #gate: Gate;
  #now: Instant = { mono: 0 as MonotonicMs, wall: 0 as UnixMs };
  #answer: VerifierAnswer | undefined;

  constructor(options: VerifierOptions) {
    const { trust } = options;
    this.#options = options;
    this.#places = new Places(options.placesMax ?? PLACES_MAX);
    this.#revocations = new Revocations(trust);
    const chains = new ChainBook(trust, this.#revocations);
    const delegates = new DelegateBook(trust.mesh, this.#revocations, (nodeId) => chains.isRevoked(nodeId), undefined);
    this.#chains = chains;
    this.#origins = new Origins(chains, delegates);
    this.#gate = new Gate(
      {
        mesh: trust.mesh,
        origins: this.#origins,
        held: this.#places,
        records: { isSuperseded: () => false },
        authorRate: UNBOUNDED,
        neighbourRate: UNBOUNDED,
      },
      {
        isFull: () => false,
        verify: (ticket, key, { algorithm, signedBytes, signature }) =>
          this.#gate.handleVerified(this.#now, ticket, key.verify(algorithm, signedBytes, signature)),
        judged: (_now, _source, message, verdict) => {
          const isGood = verdict.tag === 'accept' || verdict.reason === 'duplicate';
          if (isGood && message !== undefined)
            this.#answer = { tag: 'ok', message, isNodeUnknown: this.#isNodeUnknown(message) };
          else if (verdict.tag !== 'accept')
            this.#answer = { tag: 'refused', isFault: verdict.tag === 'reject', error: refusalOf(verdict) };
        },
        missingChain: (_now, _source, message) => {
          this.#answer = { tag: 'missing', message };
        },
        newDelegate: () => {},
        conflict: () => {},
      },
    );
  }

  /** Numbers of the lists that are held, by the hash of their issuer's key. */
  get lists(): ReadonlyMap<string, number> {
    return new Map(this.#revocations.crls().map(({ issuerKeyHash, number }) => [issuerKeyHash, number]));
  }

  /**
   * A certificate that signs lists. It must lead to a trust anchor.
   * @throws ERR_CERTIFICATE, ERR_PATH_...
   */
  addIssuer(der: Bytes, wall: UnixMs): void {
    const issuer = parseCertificate(der.slice(), MESH_CERTIFICATE_BYTES_MAX);
    if (this.#revocations.knowsIssuer(issuer.keyHash)) return;
    const rule = issuer.isCa ? brokenRuleOf(issuer) : 'it may not issue certificates, hence no lists of them';
    if (rule !== undefined) throw new MeshError('ERR_PATH_PROFILE', `issuer of a revocation list: ${rule}`);
    const { anchors, checkSignature } = this.#options.trust;
    const result = validatePath({ leaf: issuer, untrusted: [], anchors, at: wall, checkSignature });
    if (result.tag === 'refused') throw new MeshError(result.code, result.message);
    this.#revocations.learnIssuers([issuer, issuer]);
  }

  /** A revocation list, DER. The highest number of each issuer counts; older ones change nothing. @throws ERR_CRL */
  addList(der: Bytes): Exclude<CrlOutcome, { readonly tag: 'refused' }> {
    const outcome = this.#revocations.install(der.slice());
    if (outcome.tag === 'refused') throw new MeshError('ERR_CRL', `revocation list: ${outcome.reason}`);
    return outcome;
  }

  /** The chain of a signer, DER, leaf first. @throws ERR_CERTIFICATE, ERR_PATH_... */
  addChain(ders: readonly Bytes[], wall: UnixMs): void {
    const chain = ders.map((der) => parseCertificate(der.slice(), MESH_CERTIFICATE_BYTES_MAX));
    const added = this.#chains.add(chain, wall);
    if ('refused' in added) throw new MeshError(added.code, `chain of a signer: ${added.refused}`);
  }

  /** The statement of a delegate. What it is worth is judged with each message. @throws ERR_DELEGATE_... */
  addStatement(statement: Bytes, wall: UnixMs): void {
    this.#learnDelegate(statement, wall);
  }

  /** Takes a statement as {@link addStatement}. @throws ERR_DELEGATE_... where nobody may speak by it now. */
  requireStatement(statement: Bytes, wall: UnixMs): void {
    const { hash, statement: said } = this.#learnDelegate(statement, wall);
    const judged = this.#origins.delegates.judge(hash, said.nodeId, wall);
    if (judged.tag === 'unknown') throw new Error('a statement was forgotten that had just been taken');
    if (judged.tag !== 'ok') throw judged.why;
  }

  /** Whether a message, COSE_Sign1, holds now. */
  verify(bytes: Bytes, wall: UnixMs): VerifierAnswer {
    let message: Message;
    try {
      message = parseMessage(this.#options.trust.mesh, bytes.slice());
      this.#requireLists(message, wall);
    } catch (error) {
      if (!isMeshError(error)) throw error;
      return { tag: 'refused', isFault: error.code !== 'ERR_CRL_STALE', error };
    }
    this.#answer = undefined;
    this.#now = { mono: 0 as MonotonicMs, wall }; // budgets alone would ask for the other clock, and there are none
    this.#gate.handleMessage(this.#now, message, READER);
    const answer = this.#answer as VerifierAnswer | undefined;
    if (answer === undefined) throw new Error('the gate has not answered');
    if (answer.tag === 'ok') this.#places.remember(message);
    return answer;
  }

  #learnDelegate(statement: Bytes, wall: UnixMs): KnownDelegate {
    const added = this.#origins.delegates.add(statement, wall);
    if (added.tag !== 'known') throw added.why;
    return added.delegate;
  }

  #isNodeUnknown(message: Message): boolean {
    const statement = this.#origins.delegates.get(message.voucherId)?.statement;
    return statement?.tag === 'tree' && this.#chains.newestOf(statement.nodeId) === undefined;
  }

  /** A delegate is believed by what the lists say; of a certificate they must say whether it is revoked. */
  #requireLists({ delegate, voucherId, origin }: Message, wall: UnixMs): void {
    const { view } = this.#revocations;
    if (delegate !== undefined) return this.#requireList(view.crls(), wall, `the delegates of ${origin}`);
    const [leaf, ...others] = this.#chains.get(voucherId)?.chain ?? [];
    if (leaf === undefined) return; // asked again when the chain has come
    for (const issuer of [...others, ...this.#options.trust.anchors])
      if (isSameName(issuer.subject, leaf.issuer))
        this.#requireList(
          [view.crlOf(issuer.keyHash)].filter((crl) => crl !== undefined),
          wall,
          origin,
        );
  }

  #requireList(lists: readonly Crl[], wall: UnixMs, whom: string): void {
    if (lists.length === 0) {
      if (this.#options.missingLists === 'accepted') return;
      throw new MeshError('ERR_CRL_STALE', `no revocation list is at hand that would name ${whom}`);
    }
    const end = Math.max(...lists.map(({ nextUpdate }) => nextUpdate)) as UnixMs;
    if (this.#options.staleLists === 'refused' && end <= wall)
      throw new MeshError('ERR_CRL_STALE', `the newest revocation list ended at ${toRfc3339(end)}`);
  }
}

/** Which content was first seen in which place of a stream. Much is not seen here: of what is not, nothing follows. */
class Places implements GateMemory {
  readonly #seen = new Set<string>();
  readonly #contents: BoundedMap<string, string>;
  #drops = 0;

  constructor(max: number) {
    this.#contents = new BoundedMap(max, (_place, contentKey) => {
      this.#seen.delete(contentKey);
      this.#drops++;
    });
  }

  remember({ stream, counter, contentKey }: Message): void {
    if (this.#seen.has(contentKey)) return;
    this.#seen.add(contentKey);
    this.#contents.set(`${stream} ${counter}`, contentKey);
  }

  get drops(): number {
    return this.#drops;
  }

  has(contentKey: string): boolean {
    return this.#seen.has(contentKey);
  }

  counterState(stream: StreamKey, counter: number): CounterState {
    const contentKey = this.#contents.peek(`${stream} ${counter}`);
    return contentKey === undefined ? { tag: 'free' } : { tag: 'live', contentKey };
  }

  countOf(): number {
    return 0;
  }

  isFullOf(): boolean {
    return false;
  }

  whyNoRoomFor(): undefined {
    return undefined;
  }
}
