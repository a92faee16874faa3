# The program for the CPU, made by the two commands of the README. Nobody has built this image yet: it is not tested.
#
#   docker build -t cnn-tutorial .
#   docker run --rm -v "$PWD/data:/tutorial/data" -v "$PWD/runs:/tutorial/runs" cnn-tutorial --model lenet5
FROM rust:1-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /tutorial
COPY . .
RUN ./scripts/train.sh --data digits --max-steps 50 && rm -r runs
ENTRYPOINT ["./target/release/cnn-tutorial"]
