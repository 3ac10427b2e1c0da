# Two stages: the first builds, the second carries only what runs, as an ordinary user.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
WORKDIR /app
RUN useradd --system --uid 10001 authctl && mkdir /data && chown authctl /data
COPY --from=build /app/package.json /app/oclif.manifest.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/prisma prisma
COPY --from=build /app/assets assets
USER authctl
ENV NODE_ENV=production AUTHCTL_DATA_DIR=/data AUTHCTL_HOST=0.0.0.0
EXPOSE 8080 8081
ENTRYPOINT ["node", "bin/run.js"]
CMD ["serve"]
