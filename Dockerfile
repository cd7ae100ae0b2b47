# The command line: docker build -t songpop-tf . && docker run --rm songpop-tf predict --artist Queen --year 1977
FROM python:3.12-slim

RUN useradd --create-home songpop
WORKDIR /opt/songpop-tf
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY keras_tuner_optuna keras_tuner_optuna
COPY pipelines pipelines
COPY saved_models saved_models
COPY songpop_tf songpop_tf
RUN pip install --no-cache-dir .

USER songpop
WORKDIR /data
ENTRYPOINT ["songpop-tf"]
CMD ["--help"]
