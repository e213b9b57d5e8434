"""ModelNetworkPolicy: who reaches which port of a model, and what its pods reach."""

from typing import Any

from components.kubernetes.network_policy import ModelNetworkPolicy, ModelNetworkPolicyArgs

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
LABELS = {"app.kubernetes.io/instance": "resnet"}
REST = {"protocol": "TCP", "port": 8501}
GRPC = {"protocol": "TCP", "port": 8500}


def policy(cloud: Any, **args: Any) -> Any:
    made = ModelNetworkPolicyArgs(namespace="vision", labels=LABELS, **args)
    cloud.run(lambda: ModelNetworkPolicy("resnet", made))
    return cloud.one(POLICY)


def namespaces(*names: str) -> dict[str, Any]:
    key = "kubernetes.io/metadata.name"
    among = {"key": key, "operator": "In", "values": [*names]}
    return {"namespaceSelector": {"matchExpressions": [among]}}


def test_unless_somebody_is_named_nobody_is_let_in(cloud):
    made = policy(cloud)

    assert made["metadata"] == {"name": "resnet", "namespace": "vision"}
    assert made["spec"]["podSelector"] == {"matchLabels": LABELS}
    assert made["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in made["spec"]
    assert cloud.parent_of(POLICY) == "tfserving:index:ModelNetworkPolicy::resnet"


def test_clients_reach_both_ports(cloud):
    assert policy(cloud, clients=["shop", "search"])["spec"]["ingress"] == [
        {"from": [namespaces("shop", "search")], "ports": [REST, GRPC]}
    ]


def test_monitors_do_not_reach_the_port_by_which_models_are_changed(cloud):
    assert policy(cloud, monitors=["monitoring"])["spec"]["ingress"] == [
        {"from": [namespaces("monitoring")], "ports": [REST]}
    ]


def test_a_load_balancer_reaches_the_rest_port(cloud):
    assert policy(cloud, load_balancers=["10.0.0.0/16", "10.1.0.0/16"])["spec"]["ingress"] == [
        {
            "from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}, {"ipBlock": {"cidr": "10.1.0.0/16"}}],
            "ports": [REST],
        }
    ]


def test_a_load_balancer_reaches_the_grpc_port_if_it_takes_grpc(cloud):
    made = policy(cloud, load_balancers=["10.0.0.0/16"], load_balanced_grpc=True)

    assert made["spec"]["ingress"][0]["ports"] == [REST, GRPC]


def test_everybody_who_is_named_has_a_rule(cloud):
    made = policy(cloud, clients=["a"], monitors=["b"], load_balancers=["10.0.0.0/16"])

    assert [rule["ports"] for rule in made["spec"]["ingress"]] == [[REST, GRPC], [REST], [REST]]


def test_pods_reach_names_https_and_what_the_platform_needs(cloud):
    names = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]

    assert policy(cloud, egress=[("169.254.170.23/32", 80)])["spec"]["egress"] == [
        {"to": [names], "ports": ports},
        {"ports": [{"protocol": "TCP", "port": 443}]},
        {
            "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}],
            "ports": [{"protocol": "TCP", "port": 80}],
        },
    ]
