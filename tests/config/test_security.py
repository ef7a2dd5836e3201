import pytest

from config import KafkaConnection
from schemas.errors import SetupError

TEXT = """\
sources: {predictions: {topic: t}}
models: {m: {features: {a: numeric}}}
kafka: {bootstrap: "a:1, b:2", security: {%s}}
"""
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
SHADED = f"org.apache.flink.kafka.shaded.{SCRAM}"


def connection(loaded, security: str) -> KafkaConnection:
    return loaded(TEXT % security, {"P": 'q"u\\o;te'}).kafka


def test_without_security(loaded):
    """Only the brokers, and no encryption."""
    kafka = connection(loaded, "")
    expected = {"bootstrap.servers": "a:1,b:2", "security.protocol": "PLAINTEXT"}
    assert (kafka.bootstrap, kafka.java_properties(), kafka.client_settings()) == ("a:1,b:2", expected, expected)


def test_password(loaded):
    """Quotes and backslashes of a password survive the Java client's syntax."""
    kafka = connection(loaded, 'protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: me, password: "${P}"')
    both = {"bootstrap.servers": "a:1,b:2", "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
    jaas = ' required username="me" password="q\\"u\\\\o;te";'
    assert kafka.client_settings() == {**both, "sasl.username": "me", "sasl.password": 'q"u\\o;te'}
    assert kafka.java_properties() == {**both, "sasl.jaas.config": SHADED + jaas}
    assert kafka.java_properties(shaded=False) == {**both, "sasl.jaas.config": SCRAM + jaas}


def test_certificates(loaded, tmp_path):
    """Java gets the certificates themselves, librdkafka the files; relative names are in the file's folder."""
    for name in ("ca", "mine", "key"):
        (tmp_path / f"{name}.pem").write_text(f"--{name}--\n")
    kafka = connection(loaded, 'protocol: SSL, ca: ca.pem, certificate: mine.pem, key: key.pem, key_password: "${P}"')
    assert kafka.java_properties() == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "--ca--\n",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "--mine--\n",
        "ssl.keystore.key": "--key--\n",
        "ssl.key.password": 'q"u\\o;te',
    }
    assert kafka.client_settings() == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SSL",
        "ssl.ca.location": str(tmp_path / "ca.pem"),
        "ssl.certificate.location": str(tmp_path / "mine.pem"),
        "ssl.key.location": str(tmp_path / "key.pem"),
        "ssl.key.password": 'q"u\\o;te',
    }


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"\xff", "it is not PEM text")])
def test_certificates_that_cannot_be_read(content, reason, loaded, tmp_path):
    """It is said when they are needed: the configuration may be checked on another machine."""
    if content:
        (tmp_path / "ca.pem").write_bytes(content)
    kafka = connection(loaded, "protocol: SSL, ca: ca.pem")
    with pytest.raises(SetupError) as caught:
        kafka.java_properties()
    assert str(caught.value) == f"kafka.security.ca: '{tmp_path / 'ca.pem'}' cannot be read ({reason})"


def test_it_shows_no_secret(loaded):
    """Neither printed nor looked into."""
    kafka = connection(loaded, 'protocol: SASL_SSL, mechanism: PLAIN, username: me, password: "${P}"')
    assert repr(kafka) == "KafkaConnection('a:1,b:2', SASL_SSL)"
    assert 'q"u' not in str(vars(kafka))
