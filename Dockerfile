# Images of the server and of the agent. Nobody publishes them: build your own.
#
#   docker build --target server -t tailrace .
#   docker build --target agent -t tailrace-agent .
#
# docs/operations.md and docs/agent.md say how they are run.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm install --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

# What both programs are made of, without the engine of the store, which is nine tenths of it.
FROM build AS slim
RUN rm -rf node_modules/@chdb node_modules/chdb

FROM ${NODE_IMAGE} AS agent
ENV NODE_ENV=production
WORKDIR /opt/tailrace
COPY --from=slim /src/package.json /src/LICENSE ./
COPY --from=slim /src/node_modules ./node_modules
COPY --from=slim /src/dist ./dist
RUN ln -s /opt/tailrace/dist/cli/main.js /usr/local/bin/tailrace \
  && mkdir -p /var/lib/tailrace-agent \
  && chown node:node /var/lib/tailrace-agent
# Logs that this user may not read: `--group-add`, or `--user 0`.
USER node
WORKDIR /var/lib/tailrace-agent
VOLUME /var/lib/tailrace-agent
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD tailrace agent status --state /var/lib/tailrace-agent --format json >/dev/null
ENTRYPOINT ["tailrace", "agent", "--state", "/var/lib/tailrace-agent"]

FROM ${NODE_IMAGE} AS server
ENV NODE_ENV=production
WORKDIR /opt/tailrace
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN ln -s /opt/tailrace/dist/cli/main.js /usr/local/bin/tailrace \
  && mkdir -p /var/lib/tailrace \
  && chown node:node /var/lib/tailrace
USER node
WORKDIR /var/lib/tailrace
VOLUME /var/lib/tailrace
EXPOSE 7575
STOPSIGNAL SIGTERM
# Without TLS; with it ask `https:` and give the certificate in NODE_EXTRA_CA_CERTS.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD node -e "fetch('http://127.0.0.1:7575/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"
ENTRYPOINT ["tailrace", "serve", "--data", "/var/lib/tailrace"]
CMD ["--host", "0.0.0.0"]
