/**
 * The messages within an event of River and what each field is on the wire: `1b` bytes, `2s` a string, `3v` a varint,
 * `4p` varints, one by one or packed, `5:Name` a message, `6:{…}` an entry of a map. Read off `protocol.proto` of River;
 * a test compares it with the descriptors of `@towns-protocol/proto`.
 */
export const EVENT_MESSAGES: Readonly<Record<string, string>> = {
  StreamEvent:
    '1b 2b 3b 4b 5v 6v 7:Tags 8v 9v 100:MiniblockHeader 101:MemberPayload 102:SpacePayload 103:ChannelPayload 104:UserPayload 105:UserSettingsPayload 106:UserMetadataPayload 107:UserInboxPayload 108:MediaPayload 109:DmChannelPayload 110:GdmChannelPayload 111:MetadataPayload',
  Tags: '1v 2p 3b 4b 5b 6b',
  MiniblockHeader: '1v 2b 3:Timestamp 4b 5:Snapshot 6v 7v 8b 9b 100:Empty',
  Timestamp: '1v 2v',
  Snapshot:
    '1:MemberPayload.Snapshot 2v 101:SpacePayload.Snapshot 102:ChannelPayload.Snapshot 103:UserPayload.Snapshot 104:UserSettingsPayload.Snapshot 105:UserMetadataPayload.Snapshot 106:MediaPayload.Snapshot 107:DmChannelPayload.Snapshot 108:GdmChannelPayload.Snapshot 109:UserInboxPayload.Snapshot 110:MetadataPayload.Snapshot',
  'MemberPayload.Snapshot':
    '1:MemberPayload.Snapshot.Member 2:MemberPayload.SnappedPin 4:MemberPayload.EncryptionAlgorithm 5:{1s 2v} 6:{1s 2v}',
  'MemberPayload.Snapshot.Member':
    '1b 2v 3v 4:MemberPayload.KeySolicitation 5:WrappedEncryptedData 6:WrappedEncryptedData 7b 8:MemberPayload.Nft 9:{1s 2v} 10:{1s 2v} 11:{1s 2v} 12:{1s 2v} 13b',
  'MemberPayload.KeySolicitation': '1s 2s 3v 4s',
  WrappedEncryptedData: '1:EncryptedData 2v 3b',
  EncryptedData: '1s 2s 3s 4s 5s 6s 8b 9b 10b 11v 12s',
  'MemberPayload.Nft': '1v 2b 3b',
  'MemberPayload.SnappedPin': '1b 2:MemberPayload.Pin',
  'MemberPayload.Pin': '1b 2:StreamEvent',
  'MemberPayload.EncryptionAlgorithm': '1s',
  'SpacePayload.Snapshot': '1:SpacePayload.Inception 2:SpacePayload.ChannelMetadata 3:SpacePayload.SnappedSpaceImage',
  'SpacePayload.Inception': '1b 2:StreamSettings',
  StreamSettings: '1v 2v',
  'SpacePayload.ChannelMetadata': '1v 2b 3:EventRef 6v 7:SpacePayload.ChannelSettings',
  EventRef: '1b 2b 3b',
  'SpacePayload.ChannelSettings': '1v 2v',
  'SpacePayload.SnappedSpaceImage': '1b 2:EncryptedData 3v 4b',
  'ChannelPayload.Snapshot': '1:ChannelPayload.Inception',
  'ChannelPayload.Inception': '1b 5:StreamSettings 7:SpacePayload.ChannelSettings',
  'UserPayload.Snapshot':
    '1:UserPayload.Inception 2:UserPayload.UserMembership 3:{1s 2v} 4:{1s 2v} 5:{1s 2v} 6:{1s 2v}',
  'UserPayload.Inception': '1b 2:StreamSettings 3b',
  'UserPayload.UserMembership': '1b 2v 3b 5v',
  'UserSettingsPayload.Snapshot':
    '1:UserSettingsPayload.Inception 2:UserSettingsPayload.FullyReadMarkers 3:UserSettingsPayload.Snapshot.UserBlocks',
  'UserSettingsPayload.Inception': '1b 2:StreamSettings 3b',
  'UserSettingsPayload.FullyReadMarkers': '1b 2:UserSettingsPayload.MarkerContent',
  'UserSettingsPayload.MarkerContent': '1s',
  'UserSettingsPayload.Snapshot.UserBlocks': '1b 2:UserSettingsPayload.Snapshot.UserBlocks.Block',
  'UserSettingsPayload.Snapshot.UserBlocks.Block': '1v 2v',
  'UserMetadataPayload.Snapshot':
    '1:UserMetadataPayload.Inception 2:UserMetadataPayload.EncryptionDevice 3:WrappedEncryptedData 4:WrappedEncryptedData',
  'UserMetadataPayload.Inception': '1b 2:StreamSettings 3b',
  'UserMetadataPayload.EncryptionDevice': '1s 2s',
  'MediaPayload.Snapshot': '1:MediaPayload.Inception',
  'MediaPayload.Inception': '1b 2b 3v 4:StreamSettings 5b 6b 7v',
  'DmChannelPayload.Snapshot': '1:DmChannelPayload.Inception',
  'DmChannelPayload.Inception': '1b 2b 3b 4:StreamSettings 5b 6b',
  'GdmChannelPayload.Snapshot': '1:GdmChannelPayload.Inception 2:WrappedEncryptedData',
  'GdmChannelPayload.Inception': '1b 2:EncryptedData 3:StreamSettings',
  'UserInboxPayload.Snapshot': '1:UserInboxPayload.Inception 2:{1s 2:UserInboxPayload.Snapshot.DeviceSummary}',
  'UserInboxPayload.Inception': '1b 2:StreamSettings 3b',
  'UserInboxPayload.Snapshot.DeviceSummary': '1v 2v',
  'MetadataPayload.Snapshot': '1:MetadataPayload.Inception 2:StreamRecord',
  'MetadataPayload.Inception': '1b 2:StreamSettings',
  StreamRecord: '1b 2b 3v 4b 5v',
  Empty: '',
  MemberPayload:
    '1:MemberPayload.Membership 2:MemberPayload.KeySolicitation 3:MemberPayload.KeyFulfillment 4:EncryptedData 5:EncryptedData 6b 7:MemberPayload.Nft 8:MemberPayload.Pin 9:MemberPayload.Unpin 11:MemberPayload.MemberBlockchainTransaction 12:MemberPayload.EncryptionAlgorithm',
  'MemberPayload.Membership': '1v 2b 3b 5v 6b',
  'MemberPayload.KeyFulfillment': '1b 2s 3s',
  'MemberPayload.Unpin': '1b',
  'MemberPayload.MemberBlockchainTransaction': '1:BlockchainTransaction 2b',
  BlockchainTransaction:
    '1:BlockchainTransactionReceipt 2:SolanaBlockchainTransactionReceipt 101:BlockchainTransaction.Tip 102:BlockchainTransaction.TokenTransfer 103:BlockchainTransaction.SpaceReview',
  BlockchainTransactionReceipt: '1v 2b 3v 4b 5b 6:BlockchainTransactionReceipt.Log',
  'BlockchainTransactionReceipt.Log': '1b 2b 3b',
  SolanaBlockchainTransactionReceipt:
    '1v 2:SolanaBlockchainTransactionReceipt.Transaction 3:SolanaBlockchainTransactionReceipt.Meta',
  'SolanaBlockchainTransactionReceipt.Transaction': '1s',
  'SolanaBlockchainTransactionReceipt.Meta':
    '1:SolanaBlockchainTransactionReceipt.Meta.TokenBalance 2:SolanaBlockchainTransactionReceipt.Meta.TokenBalance',
  'SolanaBlockchainTransactionReceipt.Meta.TokenBalance':
    '1s 2s 3:SolanaBlockchainTransactionReceipt.Meta.TokenBalance.UITokenAmount',
  'SolanaBlockchainTransactionReceipt.Meta.TokenBalance.UITokenAmount': '1s 2v',
  'BlockchainTransaction.Tip': '1:BlockchainTransaction.Tip.Event 2b',
  'BlockchainTransaction.Tip.Event': '1v 2b 3b 4b 5v 6b 7b',
  'BlockchainTransaction.TokenTransfer': '1b 2s 3b 4b 5b 6v',
  'BlockchainTransaction.SpaceReview': '1b 2v 3:BlockchainTransaction.SpaceReview.Event',
  'BlockchainTransaction.SpaceReview.Event': '1b 2v',
  SpacePayload:
    '1:SpacePayload.Inception 2:SpacePayload.ChannelUpdate 3:EncryptedData 4:SpacePayload.UpdateChannelAutojoin 5:SpacePayload.UpdateChannelHideUserJoinLeaveEvents',
  'SpacePayload.ChannelUpdate': '1v 2b 3:EventRef 6:SpacePayload.ChannelSettings',
  'SpacePayload.UpdateChannelAutojoin': '1b 2v',
  'SpacePayload.UpdateChannelHideUserJoinLeaveEvents': '1b 2v',
  ChannelPayload:
    '1:ChannelPayload.Inception 2:EncryptedData 3:ChannelPayload.Redaction 4:Any 5:InteractionRequest 6:InteractionResponse',
  'ChannelPayload.Redaction': '1b',
  Any: '1s 2b',
  InteractionRequest: '1b 3:EncryptedData 4b',
  InteractionResponse: '1b 2:EncryptedData 3b',
  UserPayload:
    '1:UserPayload.Inception 2:UserPayload.UserMembership 3:UserPayload.UserMembershipAction 4:BlockchainTransaction 5:UserPayload.ReceivedBlockchainTransaction',
  'UserPayload.UserMembershipAction': '1b 2b 3v 5v',
  'UserPayload.ReceivedBlockchainTransaction': '1:BlockchainTransaction 2b',
  UserSettingsPayload:
    '1:UserSettingsPayload.Inception 2:UserSettingsPayload.FullyReadMarkers 3:UserSettingsPayload.UserBlock',
  'UserSettingsPayload.UserBlock': '1b 2v 3v',
  UserMetadataPayload:
    '1:UserMetadataPayload.Inception 2:UserMetadataPayload.EncryptionDevice 3:EncryptedData 4:EncryptedData',
  UserInboxPayload: '1:UserInboxPayload.Inception 2:UserInboxPayload.Ack 3:UserInboxPayload.GroupEncryptionSessions',
  'UserInboxPayload.Ack': '1s 2v',
  'UserInboxPayload.GroupEncryptionSessions': '1b 2s 3s 4:{1s 2s} 5s',
  MediaPayload: '1:MediaPayload.Inception 2:MediaPayload.Chunk',
  'MediaPayload.Chunk': '1b 2v 3b',
  DmChannelPayload: '1:DmChannelPayload.Inception 3:EncryptedData 4:Any',
  GdmChannelPayload: '1:GdmChannelPayload.Inception 2:EncryptedData 3:EncryptedData 4:Any',
  MetadataPayload:
    '1:MetadataPayload.Inception 2:MetadataPayload.NewStream 3:MetadataPayload.LastMiniblockUpdate 4:MetadataPayload.PlacementUpdate',
  'MetadataPayload.NewStream': '1b 2b 3b 4v',
  'MetadataPayload.LastMiniblockUpdate': '1b 2b 3v',
  'MetadataPayload.PlacementUpdate': '1b 2b 3v',
};
