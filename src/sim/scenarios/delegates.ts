import { type Bytes, toHex, utf8 } from '../../base/bytes.ts';
import { after, HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs } from '../../base/time.ts';
import { sha256 } from '../../crypto/hash.ts';
import { Secret } from '../../crypto/secret.ts';
import { ed25519Pkcs8FromSeed, type SyncSigner, softwareSigner } from '../../crypto/keys/signer.ts';
import { pointOfScalar, uncompressPoint } from '../../crypto/curve/curve-point.ts';
import { signRecoverable } from '../../crypto/secp256k1/recover.ts';
import { scopeOf } from '../../identity/delegate/scope.ts';
import { encodeWalletStatement, parseStatement } from '../../message/delegate-statement.ts';
import type { NodeId } from '../../identity/node-id.ts';
import { parseMessageId } from '../../message/message-id.ts';
import { parseMessageType } from '../../message/family.ts';
import { assembleMessage, type Message } from '../../message/message.ts';
import { signWalletDelegate } from '../../message/river/wallet-delegate.ts';
import { walletOf } from '../../message/river/wallet.ts';
import { composeRequest, type SigningIdentity } from '../../node/publishing/publisher.ts';
import { NonePunished } from '../checkers/none-punished.ts';
import type { Scenario } from '../scenario.ts';
import type { SimulatedNode } from '../members/simulated-node.ts';
import { Story } from '../story.ts';
import type { World } from '../world.ts';
import type { WorldEvent } from '../world-event.ts';

/** One node in so many has a device with a key of its own. */
const NODES_PER_DEVICE = 4;
/** What each says goes to every node: a thousand nodes with a device for every fourth take a quarter of an hour. @tuning */
const DEVICES_MAX = 25;
/** Readings of each device: the first brings its statement, the others name it. */
const READINGS = 6;
const PUBLISHING_MS = 5 * SECOND_MS;
/** The stream of each device: those of nodes count from seconds since 1970. */
const STREAM = 1;
const LIFE_MS = 10 * MINUTE_MS;
/** For a list to reach everybody over gossip. */
const HEARING_MS = MINUTE_MS;
const LIMIT_MS = 3 * MINUTE_MS;

/** A device beside a node, or a wallet's; its messages are handed in there. */
interface Device {
  readonly node: SimulatedNode;
  readonly identity: SigningIdentity;
  readonly statementHash: string;
  readonly statementId: string;
  readonly type: string;
  /** What its scope does not hold. */
  readonly forbidden: string;
  readonly sign: (data: Bytes) => Bytes;
  said: number;
}

/**
 * Devices speak for nodes with keys of their own, and a wallet commands. All must be heard by everybody who has heard of
 * the branch, from nodes that are killed and links that break, and none says what its scope does not hold. One is revoked,
 * and nothing is left of it, nor lost of the others; then a new epoch voids them all. Who is void is not let speak on.
 * Rounds: until the slowest message of a delegate was delivered.
 */
export const delegates: Scenario = {
  name: 'delegates',
  summary: 'devices and a wallet speak with keys of their own, until they are revoked',
  nodesMin: 2,
  run: async (options, tell) => {
    const story = await Story.begin(options, { records: true }, tell);
    const { world } = story;
    const at = world.time.instant().wall;
    const devices = [...devicesOf(world, at), walletDeviceOf(world, at)];
    world.watch(new NonePunished(world.nodes));
    const heard = new Set<NodeId>();
    const handle = (_nowMs: number, event: WorldEvent): void => {
      if (event.tag !== 'acknowledged') return;
      const { origin, incarnation } = parseMessageId(event.messageId);
      if (incarnation === STREAM) heard.add(origin);
    };
    world.watch({ violations: [], handle });
    story.meet();
    world.nodes[0]?.receiveCrl(await world.authority.revokeDelegates([], world.time.instant().wall));
    story.tell('one node has heard whose delegates may speak');
    story.runUntilDone(HEARING_MS, () => world.nodes.every((node) => hasList(node, world)));

    const random = world.random.fork('devices');
    for (const device of devices)
      for (let i = 0; i < READINGS; i++) story.step(random.below(PUBLISHING_MS), () => speak(world, device));
    for (const device of devices)
      story.step(random.below(PUBLISHING_MS), () =>
        speak(world, device, { type: device.forbidden, stream: STREAM + 1 }),
      );
    story.publishWithin(PUBLISHING_MS);
    story.disturbWithin(PUBLISHING_MS);
    story.runUntilDone(LIMIT_MS, () => story.delivery.isComplete);

    for (const { node, statementHash, identity } of devices)
      if (heard.has(identity.nodeId) && !world.nodes.some((each) => each.isUp && holds(each, statementHash)))
        story.fault(`nobody holds what the device beside ${node.name} said`);

    const [first, ...others] = devices as [Device, ...Device[]];
    await makeVoid(story, [first], [first.statementId]);
    for (const { node, statementHash, identity } of others)
      if (heard.has(identity.nodeId) && !world.nodes.some((each) => each.isUp && holds(each, statementHash)))
        story.fault(`what the device beside ${node.name} said went with what another had said`);
    // The branch of the first epoch is still published, and the floor above it; the wallet is let in no more.
    const { branches = [] } = world.authority.delegations ?? {};
    world.authority.delegations = { epochFloor: 2, branches, wallets: [] };
    await makeVoid(story, devices, []);
    return story.end('delegates');
  },
};

/** Everybody hears the newest list. What is void from now on is void everywhere: it is held no longer, nor let in. */
async function makeVoid(story: Story, gone: readonly Device[], revoked: readonly string[]): Promise<void> {
  const { world } = story;
  const list = await world.authority.revokeDelegates(revoked, world.time.instant().wall);
  for (const node of world.nodes) if (node.isUp) node.receiveCrl(list);
  for (const device of gone) speak(world, device, { type: device.type, stream: STREAM });
  world.run(SECOND_MS);
  for (const { statementHash } of gone)
    for (const node of world.nodes)
      if (node.isUp && holds(node, statementHash)) story.fault(`${node.name} holds what a delegate that is void said`);
  story.tell(`${gone.length} delegates are void`);
}

/** Ed25519, because that signs without chance. */
function devicesOf(world: World, at: UnixMs): Device[] {
  const { tree } = world.authority;
  const notAfter = after(at, 24 * HOUR_MS);
  world.authority.delegations = { epochFloor: 0, branches: [tree.branch(1, at, notAfter)], wallets: [] };
  return world.nodes
    .filter((_, index) => index % NODES_PER_DEVICE === 0)
    .slice(0, DEVICES_MAX)
    .map((node) => {
      const signer: SyncSigner = softwareSigner(ed25519Pkcs8FromSeed(sha256(utf8(`device of ${node.name}`))));
      const statement = tree.statement({
        nodeId: node.nodeId,
        key: { curve: 'Ed25519', bytes: signer.spki.slice(-32) },
        scope: scopeOf(['publish:sensor/*']),
        notBefore: at,
        notAfter,
      });
      const sign = (data: Bytes): Bytes => signer.signSync(data);
      return deviceOf(world, node, statement, ['sensor/temperature', 'command/stop'], sign);
    });
}

function walletDeviceOf(world: World, at: UnixMs): Device {
  const notAfter = after(at, 24 * HOUR_MS);
  const wallet = walletOf(new Secret(sha256(utf8('wallet'))));
  const key = new Secret(sha256(utf8('device of the wallet')));
  const deviceKey = key.use((bytes) => pointOfScalar('secp256k1', bytes));
  const { signature } = signWalletDelegate(wallet, uncompressPoint('secp256k1', deviceKey), BigInt(notAfter));
  const statement = encodeWalletStatement({ address: wallet.address, deviceKey, notAfter, signature });
  const { delegations } = world.authority;
  if (delegations !== undefined)
    world.authority.delegations = {
      ...delegations,
      wallets: [{ address: wallet.address, scope: scopeOf(['command:issue']), notAfter }],
    };
  const sign = (data: Bytes): Bytes => signRecoverable(key, sha256(data)).subarray(0, 64);
  return deviceOf(world, world.nodes.at(-1) as SimulatedNode, statement, ['command/stop', 'sensor/temperature'], sign);
}

/** @param types what it may say, and what it may not. */
function deviceOf(
  world: World,
  node: SimulatedNode,
  statement: Bytes,
  [type, forbidden]: readonly [string, string],
  sign: Device['sign'],
): Device {
  const { id, nodeId, key } = parseStatement(world.authority.trust.mesh, statement);
  const statementHash = toHex(sha256(statement));
  const algorithm = key.curve === 'Ed25519' ? 'Ed25519' : 'ES256K';
  const identity = { nodeId, algorithm, voucherId: statementHash, statement } as const;
  return { node, identity, statementHash, statementId: id, type, forbidden, sign, said: 0 };
}

/** @param unlawful what it may not say, and in which of its streams it does. */
function speak(world: World, device: Device, unlawful?: { readonly type: string; readonly stream: number }): void {
  if (!device.node.isUp) return; // the device waits for its node, and has no more to say than this
  const { wall } = world.time.instant();
  const isUnlawful = unlawful !== undefined;
  const { type, stream } = unlawful ?? { type: device.type, stream: STREAM };
  const counter = stream === STREAM ? device.said++ : 0;
  const payload = utf8(`${isUnlawful ? 'unlawful' : 'reading'} ${counter}`);
  const what = { type: parseMessageType(type), payload, ttlMs: LIFE_MS };
  const place = { incarnation: stream, counter };
  const composed = composeRequest(world.authority.trust.mesh, device.identity, place, what, wall);
  const message: Message = assembleMessage(composed, device.sign(composed.toBeSigned));
  device.node.submit(message, isUnlawful);
}

function hasList(node: SimulatedNode, world: World): boolean {
  return node.isUp && node.node.crls().some(({ number }) => number >= world.authority.crlNumber);
}

function holds(node: SimulatedNode, statementHash: string): boolean {
  return Array.from(node.node.holdings.messages.values()).some(({ voucherId }) => voucherId === statementHash);
}
