import { createHash } from 'node:crypto'

const MIB = 2 ** 20
const GIB = 2 ** 30

/** Memory shares of one engine, in bytes. */
export interface EngineMemory {
  serverMax: number
  markCache: number
  indexMarkCache: number
  primaryKeyCache: number
  queryMax: number
}

/**
 * Divides the memory an engine may use: all of it at most a quarter of the machine and 4 GiB unless told otherwise,
 * never under 512 MiB, because merges and loads fail below that.
 */
export function engineMemory(machineBytes: number, memoryBytesMax?: number): EngineMemory {
  const serverMax = Math.max(512 * MIB, memoryBytesMax ?? Math.min(machineBytes / 4, 4 * GIB))
  return {
    serverMax: Math.round(serverMax),
    markCache: Math.round(Math.min(64 * MIB, serverMax / 16)),
    indexMarkCache: Math.round(Math.min(16 * MIB, serverMax / 64)),
    primaryKeyCache: Math.round(Math.min(32 * MIB, serverMax / 32)),
    queryMax: Math.round(serverMax / 2),
  }
}

export interface EngineConfigOptions {
  memory: EngineMemory
  /** Value of the header without which the listener answers 404. */
  gate: string
  readerPassword: string
  usersPath: string
  logPath: string
  /** Threads that merge parts in the background. */
  mergeThreads: number
  /** Further elements inside `<clickhouse>`, for tests of clusters. */
  extraXml?: string
}

/** The header that carries the gate's value. */
export const GATE_HEADER = 'X-Tailrace'
export const READER_NAME = 'reader'
export const DATABASE = 'tailrace'

/** `config.xml` of the engine. */
export function engineConfigXml(options: EngineConfigOptions): string {
  const { memory } = options
  return `<clickhouse>
  <logger><level>error</level><log>${xml(options.logPath)}</log><size>4M</size><count>2</count></logger>
  <users_config>${xml(options.usersPath)}</users_config>
  <max_server_memory_usage>${memory.serverMax}</max_server_memory_usage>
  <mark_cache_size>${memory.markCache}</mark_cache_size>
  <index_mark_cache_size>${memory.indexMarkCache}</index_mark_cache_size>
  <primary_index_cache_size>${memory.primaryKeyCache}</primary_index_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
  <mmap_cache_size>64</mmap_cache_size>
  <compiled_expression_cache_size>8388608</compiled_expression_cache_size>
  <query_condition_cache_size>8388608</query_condition_cache_size>
  <background_pool_size>${options.mergeThreads}</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <max_concurrent_queries>100</max_concurrent_queries>
  <keep_alive_timeout>30</keep_alive_timeout>
  <http_handlers>
    <rule>
      <headers><${GATE_HEADER}>${xml(options.gate)}</${GATE_HEADER}></headers>
      <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
    </rule>
    <rule><url>/ping</url><handler><type>ping</type></handler></rule>
  </http_handlers>
  ${options.extraXml ?? ''}
</clickhouse>
`
}

/** `users.xml` of the engine: the built-in owner, and a reader that may do nothing but SELECT from our database. */
export function engineUsersXml(options: EngineConfigOptions): string {
  const hash = createHash('sha256').update(options.readerPassword).digest('hex')
  return `<clickhouse>
  <profiles>
    <default></default>
    <reader>
      <readonly>2</readonly>
      <max_memory_usage>${options.memory.queryMax}</max_memory_usage>
      <constraints><max_memory_usage><max>${options.memory.queryMax}</max></max_memory_usage></constraints>
    </reader>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile><quota>default</quota>
    </default>
    <${READER_NAME}>
      <password_sha256_hex>${hash}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>reader</profile><quota>default</quota>
      <grants><query>GRANT SELECT ON ${DATABASE}.*</query></grants>
    </${READER_NAME}>
  </users>
</clickhouse>
`
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
