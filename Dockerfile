# The dashboard and the command line in one image.
#
#   docker build -t isoline .                          uses a GPU where the host has one
#   docker build -t isoline --build-arg TORCH_INDEX=ADDRESS .    CPU only, a good deal smaller
#   docker run --rm -p 127.0.0.1:8501:8501 -v isoline:/var/lib/isoline isoline
#   docker run --rm --gpus all -p 127.0.0.1:8501:8501 -v isoline:/var/lib/isoline isoline
#   docker run --rm -v isoline:/var/lib/isoline isoline python -m core models list
#
# There is no log-in: publish the port beyond this machine only behind something that has one.
FROM python:3.11-slim

# Empty: the wheels of the package index, which carry CUDA. Otherwise the address of an index with
# CPU builds of torch and torchvision, for an image that is a good deal smaller.
ARG TORCH_INDEX=""

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /opt/isoline

# What changes seldom comes first, so that an edit of the program downloads nothing again. With an
# index of CPU builds both wheels come first, at the pinned versions; the second pip finds them there.
COPY requirements.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
      sed -n 's/^\(torch\(vision\)\{0,1\}==[0-9.]*\).*/\1/p' requirements.txt > /tmp/torch.txt \
      && pip install --index-url "$TORCH_INDEX" -r /tmp/torch.txt \
      && rm /tmp/torch.txt; \
    fi \
    && pip install -r requirements.txt

RUN useradd --create-home --uid 1000 isoline \
    && install -d -o isoline -g isoline /var/lib/isoline

COPY . .

ENV ISOLINE_HOME=/var/lib/isoline \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_FILE_WATCHER_TYPE=none
VOLUME /var/lib/isoline
USER isoline
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

CMD ["python", "-m", "streamlit", "run", "dashboard/app.py", "--server.address=0.0.0.0", "--server.port=8501"]
