const KiB = 1024
const MiB = 1024 * KiB

/** Settings of syslog where nothing is said, and how small they may be: of the server, and of an agent. */
export const SYSLOG_DEFAULTS = {
  timeZone: 'local',
  messageBytesMax: 64 * KiB,
  messageBytesMaxMin: KiB,
  connectionsMax: 1000,
  receiveBufferBytes: 4 * MiB,
  receiveBufferBytesMin: 64 * KiB,
  unacknowledgedBytesMax: 32 * MiB,
  unacknowledgedBytesMaxMin: MiB,
  unixMode: '0660',
  unixModePattern: '^0?[0-7]{3}$',
} as const
