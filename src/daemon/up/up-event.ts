/** What `chainmail up` tells as it happens: one JSON object a line. Nodes are named by node id. */
export type UpEvent = UpEventBody & { readonly t_ms: number };

export type UpEventBody =
  | {
      readonly event: 'authority-ready';
      readonly url: string;
      readonly mesh: string;
      readonly pid: number;
      readonly dir: string;
    }
  | {
      readonly event: 'node-enrolled';
      readonly node_id: string;
      readonly name: string;
      readonly pid: number;
      readonly dir: string;
      readonly address: string;
    }
  | { readonly event: 'link-up'; readonly from: string; readonly to: string }
  | {
      readonly event: 'message-published';
      readonly message_id: string;
      readonly origin: string;
      /** Whose key signed, where it was not the node's own. */
      readonly by?: 'delegate' | 'wallet';
    }
  | { readonly event: 'message-delivered'; readonly message_id: string; readonly node_id: string; readonly ms: number }
  | { readonly event: 'node-stopped'; readonly node_id: string; readonly pid: number }
  | { readonly event: 'node-back'; readonly node_id: string; readonly pid: number; readonly address: string }
  | { readonly event: 'revoked'; readonly node_id: string; readonly crl_number: number }
  | { readonly event: 'shut-out'; readonly node_id: string; readonly by: string; readonly how: ShutOutBy }
  | { readonly event: 'story-told'; readonly dir: string }
  /** A node's process that nobody here ended is gone. It is not started again. */
  | {
      readonly event: 'node-ended';
      readonly node_id: string;
      readonly name: string;
      readonly pid: number;
      readonly dir: string;
    }
  | { readonly event: 'authority-ended'; readonly pid: number; readonly dir: string }
  | {
      readonly event: 'summary';
      /** Nothing failed. */
      readonly ok: boolean;
      /** Whether the story came to its end; a signal may have come before. */
      readonly told: boolean;
      readonly nodes: number;
      readonly published: number;
      readonly delivered: number;
      /** Nodes that did all that was due to shut the revoked one out. */
      readonly shut_out: number;
      readonly failed: readonly string[];
    };

/** How a node shuts another out. Each is really tried, with the revoked key. */
export type ShutOutBy = 'link-closed' | 'dial-refused' | 'message-dropped';
