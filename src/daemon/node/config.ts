import { z } from 'zod';
import { messageOf } from '../../base/errors.ts';
import { DAY_MS, SECOND_MS } from '../../base/time.ts';
import { HELLO_ADDRESSES_MAX } from '../../engine/links/frame.ts';
import { HEAR_ALL_WALLETS, WALLET_ENTRIES_MAX, WalletPolicy } from '../../node/wallet-policy.ts';
import { addressKnob, type ConfigSources, durationKnob, loadConfig, logLevelKnob } from '../config.ts';

/** Where a node listens unless it is told. */
export const NODE_LISTEN_DEFAULT = '0.0.0.0:8441';

/** How often a node asks the authority for the revocation list and says where it is. */
const CRL_POLL_MS_DEFAULT = 10 * SECOND_MS;

const walletsKnob = () =>
  z
    .array(z.string().max(1_024))
    .max(WALLET_ENTRIES_MAX)
    .transform((texts, context) => {
      try {
        return WalletPolicy.parse(texts);
      } catch (error) {
        context.addIssue({ code: 'custom', message: messageOf(error) });
        return z.NEVER;
      }
    });

/** Knobs of a node, as `chainmail.yaml` names them. */
const nodeConfigSchema = z.strictObject({
  /** `HOST:PORT`; port 0 is any free one. */
  listen: addressKnob(0).default(NODE_LISTEN_DEFAULT),
  /** Where others reach this node, where that is not where it listens: behind a port forwarding, say. */
  advertise: z.array(addressKnob(1)).max(HELLO_ADDRESSES_MAX).optional(),
  /** Places to look for peers, beside those that enrolment and the authority name. */
  bootstrap: z.array(addressKnob(1)).max(64).default([]),
  /** Whether the node announces itself on the local network, and listens for others that do. */
  multicast: z.boolean().default(true),
  /** Whether messages that programs publish in haste may share a signature. */
  batch_signatures: z.boolean().default(true),
  crl_poll: durationKnob()
    .refine((ms) => ms >= SECOND_MS && ms <= DAY_MS, { message: 'expected 1s to 1d' })
    .default(CRL_POLL_MS_DEFAULT),
  /** Hosts for which it takes requests that a member signed itself: behind proxies that end TLS. None: no such requests. */
  signed_requests: z.array(z.string().min(1).max(253)).max(16).default([]),
  /** Wallets whose devices it obeys, of those that the mesh lets speak: `WalletPolicy`. */
  wallets: walletsKnob().default(() => HEAR_ALL_WALLETS),
  /** A name for people; by default that of the machine. */
  name: z.string().min(1).max(32).optional(),
  log_level: logLevelKnob(),
});

export type NodeConfig = Readonly<z.output<typeof nodeConfigSchema>>;

/** @throws ERR_CONFIG */
export function loadNodeConfig(sources: ConfigSources): NodeConfig {
  return loadConfig(nodeConfigSchema, sources);
}

/** The file that enrolment leaves in a node's directory: every knob with its default, in comments. */
export const NODE_CONFIG_TEXT = `# Configuration of a Chainmail node. A flag comes first, then the environment variable (CHAINMAIL_ and the name in
# capitals, such as CHAINMAIL_CRL_POLL), then this file. Unknown names are refused. Read when the node starts.

# Where it listens, HOST:PORT; port 0 is any free one. 0.0.0.0 means every address of the machine.
# listen: ${NODE_LISTEN_DEFAULT}

# Where other nodes reach it, up to ${HELLO_ADDRESSES_MAX}, best first. Left out: where it listens. Needed behind port forwarding.
# advertise: ["203.0.113.7:8441"]

# Places to look for other nodes, beside those that enrolment and the authority name. Whoever answers proves who it is.
# bootstrap: ["192.0.2.10:8441"]

# Announce this node on the local network, and listen for others that do.
# multicast: true

# Let messages that programs publish in haste share one signature: less work for every node, up to 200 bytes more a
# message. Worth turning off where bytes are dear, on radio links.
# batch_signatures: true

# How often it asks the authority for the revocation list, and says where it is; 1s to 1d. Longer: revocations come
# later to nodes that have no peers; between peers they travel at once. No TLS session is resumed after longer than this.
# crl_poll: ${CRL_POLL_MS_DEFAULT / SECOND_MS}s

# Names of hosts for which it takes HTTP requests that members signed with the keys of their certificates, whoever's
# connection they come on: where a proxy ends TLS in front of this node, the names under which members reach the proxy.
# Left empty, only the certificate of the connection counts.
# signed_requests: ["mesh.example.com"]

# Wallets whose devices command this node, of those that the authority lets speak, each with what it may do here at most;
# * stands for every other. Left out: whatever the authority lets them. []: none. What other wallets say is passed on.
# wallets: ["*"]

# A name for people, up to 32 characters, which every member of the mesh can read. Left out: the machine's name.
# name: gate-7

# debug, info, warn, error or silent; the log goes to standard error.
# log_level: info
`;
