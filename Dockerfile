# The dashboard and the command line in one image.
#
#   docker build -t isoline .                          uses a GPU where the host has one
#   docker build -t isoline --build-arg TORCH=cpu .    a good deal smaller, CPU only
#   docker run --rm -p 127.0.0.1:8501:8501 -v isoline:/var/lib/isoline isoline
#   docker run --rm --gpus all -p 127.0.0.1:8501:8501 -v isoline:/var/lib/isoline isoline
#   docker run --rm -v isoline:/var/lib/isoline isoline python -m core models list
#
# There is no log-in: publish the port beyond this machine only behind something that has one.
FROM python:3.11-slim

# cuda: the wheels of the package index, which carry CUDA. cpu: the ones built without it.
ARG TORCH=cuda

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /opt/isoline

# What changes seldom comes first, so that an edit of the program downloads nothing again. With
# TORCH=cpu both wheels come first, at the pinned versions; the second pip then finds them there.
COPY requirements.txt ./
RUN case "$TORCH" in \
      cuda) ;; \
      cpu) sed -n 's/^\(torch\(vision\)\{0,1\}==[0-9.]*\).*/\1/p' requirements.txt > /tmp/torch.txt \
           && pip install --index-url https://download.pytorch.org/whl/cpu -r /tmp/torch.txt \
           && rm /tmp/torch.txt ;; \
      *) echo "error: TORCH=$TORCH; choose cuda or cpu" >&2; exit 2 ;; \
    esac \
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
